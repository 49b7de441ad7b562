package io.keelmq.broker.raft;

/**
 * A log entry that this version does not understand, though its checksum is right: it was written
 * by a newer version, or by a defect. The replica stops: skipping it would make it differ from the
 * others.
 */
public final class UnreadableEntryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnreadableEntryException(String message) {
    super(message);
  }

  UnreadableEntryException(String message, Throwable cause) {
    super(message, cause);
  }
}
