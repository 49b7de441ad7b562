package io.keelmq.raftlog;

import java.nio.file.Path;

/**
 * What is there of the log is sound, but it ends before entries that were once forced: whole files
 * are gone, or an older copy of the folder was put in its place. Nothing has been changed on disk.
 */
public final class LostEntriesException extends CorruptLogException {

  private static final long serialVersionUID = 1L;

  LostEntriesException(Path file, long leastLast, long last) {
    super(file, 0, "entries to at least " + leastLast, "the log to end at " + last);
  }
}
