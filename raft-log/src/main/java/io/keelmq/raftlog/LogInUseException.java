package io.keelmq.raftlog;

import java.nio.file.Path;

/** Somebody else has the log open. Stop the other process first; two writers would destroy it. */
public final class LogInUseException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  LogInUseException(Path lockFile, String holder) {
    super(
        "%s is locked by %s: a log has one owner, stop the other one first"
            .formatted(lockFile, holder));
  }
}
