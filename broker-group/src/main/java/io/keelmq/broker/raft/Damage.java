package io.keelmq.broker.raft;

import io.keelmq.broker.DivergedStateException;
import io.keelmq.broker.store.StoreException;
import io.keelmq.raftlog.CorruptLogException;
import io.keelmq.raftlog.UnsupportedFormatException;
import java.util.Optional;

/**
 * Tells damage from all else that can be wrong: bytes of this replica that are not as they were
 * written, or are gone, or rows that are not those of the others, so that only other replicas can
 * give them back. A disk that does not answer, a folder of another replica or cluster, one in use
 * and one of a newer format are none.
 */
public final class Damage {

  private static final int DEEPEST = 20;

  private Damage() {}

  /**
   * @return what is damaged, and how
   */
  public static Optional<String> in(Throwable cause) {
    Optional<String> found = Optional.empty();
    Throwable at = cause;
    for (int depth = 0; at != null && depth < DEEPEST; depth++, at = at.getCause()) {
      if (at instanceof UnsupportedFormatException) {
        return Optional.empty();
      }
      if (found.isEmpty() && isDamage(at)) {
        found = Optional.of(at.getMessage());
      }
    }
    return found;
  }

  private static boolean isDamage(Throwable at) {
    return at instanceof CorruptLogException
        || at instanceof DamagedFolderException
        || at instanceof BadSnapshotException
        || at instanceof DivergedStateException
        || (at instanceof StoreException store && store.isDamage());
  }
}
