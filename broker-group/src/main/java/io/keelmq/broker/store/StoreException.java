package io.keelmq.broker.store;

import java.nio.file.Path;
import java.util.regex.Pattern;
import org.rocksdb.RocksDBException;

/**
 * The store cannot be opened, read or written. The replica stops: its rows can be rebuilt from the
 * log, but never on doubt and never silently.
 */
public final class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** RocksDB tells some failures of a disk as corruption, because it then lacks a file. */
  private static final Pattern NO_DAMAGE =
      Pattern.compile(
          "No space left on device|quota exceeded|Input/output error|Too many open files"
              + "|Permission denied|Cannot allocate memory");

  private static final Pattern MISSING =
      Pattern.compile("No such file or directory|does not exist");

  private final boolean damage;

  StoreException(String message) {
    this(message, false);
  }

  StoreException(String message, boolean damage) {
    super(message);
    this.damage = damage;
  }

  StoreException(Path folder, String doing, Throwable cause) {
    super(
        "store %s: %s failed: %s. %s"
            .formatted(folder, doing, cause.getMessage(), remedy(cause.getMessage())),
        cause);
    this.damage = isDamage(cause);
  }

  /** Whether files of the store are not as they were written, or are gone. */
  public boolean isDamage() {
    return damage;
  }

  private static boolean isDamage(Throwable cause) {
    if (!(cause instanceof RocksDBException failure) || failure.getStatus() == null) {
      return false;
    }
    String message = String.valueOf(failure.getMessage());
    if (NO_DAMAGE.matcher(message).find()) {
      return false;
    }
    return switch (failure.getStatus().getCode()) {
      case Corruption -> true;
      // A store is made under another name, so where one is opened all its files have been there.
      case IOError, NotFound, InvalidArgument, Undefined -> MISSING.matcher(message).find();
      default -> false;
    };
  }

  /** By its words: RocksDB wraps a full disk into errors that have lost its code. */
  private static String remedy(String failure) {
    return String.valueOf(failure).contains("No space left on device")
        ? "The rows are sound: free space and start the replica again"
        : "The rows can be rebuilt: stop the replica, move this folder away and start it again";
  }
}
