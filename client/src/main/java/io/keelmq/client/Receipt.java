package io.keelmq.client;

/**
 * Where a message is stored. The message is on the disks of a majority of the group.
 *
 * @param offset the message's offset in its queue, from 0; {@link #NO_OFFSET} of one that waits for
 *     its time or its transaction
 * @param duplicate true when an earlier copy of the message's batch had been stored already, that
 *     is, a retry found it; the message is stored once all the same
 * @param heldId what a message that waits is called by {@link HeldMessages}; empty of all others
 */
public record Receipt(
    String topic, int queue, long offset, String messageId, boolean duplicate, String heldId) {

  /** Stands for the offset of a message that has no place in its queue yet. */
  public static final long NO_OFFSET = -1;

  /** Of a message that has its place. */
  public Receipt(String topic, int queue, long offset, String messageId, boolean duplicate) {
    this(topic, queue, offset, messageId, duplicate, "");
  }

  /** Whether the message had no place yet when it was stored. */
  public boolean isHeld() {
    return !heldId.isEmpty();
  }
}
