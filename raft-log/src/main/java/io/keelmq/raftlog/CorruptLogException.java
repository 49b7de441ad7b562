package io.keelmq.raftlog;

import java.nio.file.Path;

/**
 * The log does not hold what it once acknowledged. Nothing has been changed on disk; keep the
 * folder as it is, stop the replica, and rebuild it from its peers.
 */
public sealed class CorruptLogException extends RuntimeException permits LostEntriesException {

  private static final long serialVersionUID = 1L;

  CorruptLogException(Path file, long position, String expected, String found) {
    super(
        "%s at byte %d: expected %s, found %s; keep this folder unchanged and rebuild this replica from its peers"
            .formatted(file, position, expected, found));
  }

  CorruptLogException(Path file, long position, Flaw flaw) {
    this(file, position, flaw.expected(), flaw.found());
  }
}
