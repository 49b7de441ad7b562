package io.keelmq.broker.raft;

import java.io.IOException;

/**
 * A snapshot is damaged, incomplete or not of this group. Nothing of it has been put to use; a
 * download of it may be tried again.
 */
final class BadSnapshotException extends IOException {
  private static final long serialVersionUID = 1L;

  BadSnapshotException(String message) {
    super(message);
  }
}
