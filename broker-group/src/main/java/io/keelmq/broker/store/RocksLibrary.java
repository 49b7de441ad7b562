package io.keelmq.broker.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rocksdb.NativeLibraryLoader;
import org.rocksdb.RocksDB;

/**
 * Loads RocksDB's native library. It comes in a jar and is copied to the folder for temporary
 * files, from where RocksDB itself takes it away when the process ends in order: each one that is
 * killed would leave 15 MB. Thread-safe.
 */
final class RocksLibrary {

  private RocksLibrary() {}

  /**
   * @throws UncheckedIOException if it cannot be copied; {@code java.io.tmpdir} names the folder
   */
  static synchronized void load() {
    try {
      Path folder = Files.createTempDirectory("keelmq-rocksdb-");
      try {
        NativeLibraryLoader.getInstance().loadLibrary(folder.toString());
      } finally {
        delete(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "RocksDB's library cannot be copied to %s: give the process another java.io.tmpdir"
              .formatted(System.getProperty("java.io.tmpdir")),
          e);
    }
    // Finds it loaded.
    RocksDB.loadLibrary();
  }

  /** What is loaded stays so without its file, but on systems that refuse to delete it then. */
  private static void delete(Path folder) {
    try {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
        for (Path file : files) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    } catch (IOException e) {
      folder.toFile().deleteOnExit();
    }
  }
}
