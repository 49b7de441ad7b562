package io.keelmq.raftlog;

import java.io.IOException;
import java.io.UncheckedIOException;

/** The disk did not answer a read, or the log could not be opened. Says nothing about the bytes. */
public final class DiskException extends UncheckedIOException {

  private static final long serialVersionUID = 1L;

  DiskException(String action, IOException cause) {
    super(action + " failed: " + cause, cause);
  }
}
