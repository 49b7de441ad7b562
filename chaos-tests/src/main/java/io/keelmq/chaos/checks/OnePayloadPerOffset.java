package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.List;

/**
 * A queue offset means one payload, in every receipt, in everything a reader was handed and on
 * every replica, at all times. Keeps 16 bytes for each offset.
 */
public final class OnePayloadPerOffset implements Check {

  /** The most queues a run may use. */
  static final int MAX_QUEUES = 1024;

  private static final int CHUNK = 1 << 12;

  /** By queue: which send is at an offset, as the first who spoke of it said; and its bytes. */
  private final List<Offsets> queues = new ArrayList<>();

  private static final class Offsets {
    private final List<long[]> sends = new ArrayList<>();
    private final List<long[]> hashes = new ArrayList<>();
  }

  @Override
  public String promise() {
    return "one offset is one payload, for all receipts, readers and replicas";
  }

  @Override
  public void event(Event event, Findings findings) {
    if (event instanceof Event.Ok ok) {
      same(ok.queue(), ok.offset(), ok.producer(), ok.seq(), "a receipt", findings);
    } else if (event instanceof Event.Delivered message) {
      same(
          message.queue(),
          message.offset(),
          message.producer(),
          message.seq(),
          "a reader",
          findings);
    } else if (event instanceof Event.Took took) {
      same(took.queue(), took.offset(), took.producer(), took.seq(), "a consumer", findings);
    }
  }

  @Override
  public void stored(Stored message, Findings findings) {
    Offsets offsets = offsets(message.queue(), message.offset(), findings);
    if (offsets == null) {
      return;
    }
    if (message.intact()) {
      same(
          message.queue(),
          message.offset(),
          message.producer(),
          message.seq(),
          "replica " + message.replica(),
          findings);
    }
    // 0 stands for "not seen"; a hash of 0 is told as 1.
    long hash = message.bodyHash() == 0 ? 1 : message.bodyHash();
    long first = exchange(offsets.hashes, message.offset(), hash);
    if (first != 0 && first != hash) {
      findings.add(
          "queue %d offset %d: replica %s has other bytes than the one read before it"
              .formatted(message.queue(), message.offset(), message.replica()));
    }
  }

  private void same(int queue, long offset, int producer, long seq, String who, Findings findings) {
    Offsets offsets = offsets(queue, offset, findings);
    if (offsets == null) {
      return;
    }
    long send = ((long) producer + 1) << 40 | seq;
    long first = exchange(offsets.sends, offset, send);
    if (first != 0 && first != send) {
      findings.add(
          "queue %d offset %d: %s has producer %d seq %d; earlier it was producer %d seq %d"
              .formatted(
                  queue, offset, who, producer, seq, (first >>> 40) - 1, first & ((1L << 40) - 1)));
    }
  }

  private Offsets offsets(int queue, long offset, Findings findings) {
    if (queue < 0 || queue >= MAX_QUEUES || offset < 0 || offset > Ledger.MAX_OPERATIONS) {
      findings.add("queue " + queue + " offset " + offset + " cannot be");
      return null;
    }
    while (queues.size() <= queue) {
      queues.add(new Offsets());
    }
    return queues.get(queue);
  }

  /** Puts the value if there was none; returns what was there. */
  private static long exchange(List<long[]> chunks, long offset, long value) {
    int chunk = (int) (offset / CHUNK);
    while (chunks.size() <= chunk) {
      chunks.add(null);
    }
    if (chunks.get(chunk) == null) {
      chunks.set(chunk, new long[CHUNK]);
    }
    long[] values = chunks.get(chunk);
    int index = (int) (offset % CHUNK);
    long before = values[index];
    if (before == 0) {
      values[index] = value;
    }
    return before;
  }
}
