package io.keelmq.broker.raft;

import io.keelmq.raftlog.CorruptLogException;
import io.keelmq.raftlog.PoisonedLogException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Why a replica leaves its group, as it is told to operators. Stateless. */
final class FatalCause {

  private static final Logger LOG = LoggerFactory.getLogger(FatalCause.class);

  private FatalCause() {}

  /** JRaft tells that the log failed, and keeps why to itself; the log knows. */
  static Throwable root(Throwable reported, Optional<ReplicaFolder> folder) {
    return folder
        .filter(opened -> !(reported instanceof CorruptLogException))
        .flatMap(opened -> opened.log().poison())
        .map(Throwable.class::cast)
        .orElse(reported);
  }

  /** What says by itself what is wrong and what to do needs no stack. */
  static void log(Throwable cause) {
    if (cause instanceof CorruptLogException
        || cause instanceof PoisonedLogException
        || cause instanceof BadSnapshotException) {
      LOG.error("this replica leaves its group: {}", cause.getMessage());
      LOG.debug("it was found here", cause);
    } else {
      LOG.error("this replica leaves its group: {}", cause.toString(), cause);
    }
  }
}
