package io.keelmq.common;

import java.io.IOException;

/** A backup is not as it was written; nothing is restored of it. */
public final class DamagedBackupException extends IOException {

  private static final long serialVersionUID = 1L;

  public DamagedBackupException(String message) {
    super(message);
  }
}
