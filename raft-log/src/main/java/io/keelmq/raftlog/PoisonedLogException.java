package io.keelmq.raftlog;

/**
 * A change failed half-way, so nobody knows what is on the disk. Reads go on; every change is
 * refused until the log is opened again. Stop the replica, and start it again when the cause, such
 * as a full disk, has gone.
 */
public final class PoisonedLogException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  PoisonedLogException(String action, Throwable cause) {
    super(
        "%s failed (%s); the log takes no more changes: stop this replica, mend the disk, start again"
            .formatted(action, cause),
        cause);
  }
}
