package io.keelmq.broker.store;

import java.nio.file.Path;

/**
 * The store cannot be opened, read or written. The replica stops: its rows can be rebuilt from the
 * log, but never on doubt and never silently.
 */
public final class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  StoreException(String message) {
    super(message);
  }

  StoreException(Path folder, String doing, Throwable cause) {
    super(
        "store %s: %s failed: %s. %s"
            .formatted(folder, doing, cause.getMessage(), remedy(cause.getMessage())),
        cause);
  }

  /** By its words: RocksDB wraps a full disk into errors that have lost its code. */
  private static String remedy(String failure) {
    return String.valueOf(failure).contains("No space left on device")
        ? "The rows are sound: free space and start the replica again"
        : "The rows can be rebuilt: stop the replica, move this folder away and start it again";
  }
}
