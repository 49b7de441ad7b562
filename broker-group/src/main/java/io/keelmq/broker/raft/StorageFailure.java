package io.keelmq.broker.raft;

import io.keelmq.broker.store.StoreException;
import io.keelmq.raftlog.CorruptLogException;
import io.keelmq.raftlog.DiskException;
import io.keelmq.raftlog.PoisonedLogException;
import java.io.IOException;

/**
 * Why a replica left its group, if the disk was the reason and its folder can be opened again: what
 * the disk said it had stored is there, what it failed to store was never acknowledged.
 */
public enum StorageFailure {
  /** Not the disk's, or one that opening again cannot mend. */
  NONE,
  /** It can be opened again when there is room. */
  FULL,
  /** A write or force failed. */
  ERROR;

  private static final int DEEPEST = 20;

  public static StorageFailure of(Throwable cause) {
    StorageFailure found = NONE;
    Throwable at = cause;
    for (int depth = 0; at != null && depth < DEEPEST; depth++, at = at.getCause()) {
      String message = String.valueOf(at.getMessage());
      if (at instanceof CorruptLogException) {
        return NONE;
      }
      if (message.contains("No space left on device") || message.contains("quota exceeded")) {
        return FULL;
      }
      if (at instanceof PoisonedLogException
          || at instanceof DiskException
          || at instanceof IOException
          || at instanceof StoreException
          || message.contains("term and vote cannot be written")) {
        found = ERROR;
      }
    }
    return found;
  }
}
