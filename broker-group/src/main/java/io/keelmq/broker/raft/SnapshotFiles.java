package io.keelmq.broker.raft;

import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.BooleanSupplier;
import java.util.zip.CRC32C;

/** Reads and forces the files of snapshots. Stateless. */
final class SnapshotFiles {

  private static final int CHUNK_BYTES = 1 << 20;

  private SnapshotFiles() {}

  /**
   * The checksum of the first {@code bytes} of a file.
   *
   * @param stopped asked now and then
   * @throws BadSnapshotException if the file is shorter
   * @throws IOException if it cannot be read, or the work was stopped
   */
  static int checksum(Path file, long bytes, BooleanSupplier stopped) throws IOException {
    var crc = new CRC32C();
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      var chunk = ByteBuffer.allocateDirect((int) Math.max(1, Math.min(CHUNK_BYTES, bytes)));
      for (long at = 0; at < bytes; ) {
        if (stopped.getAsBoolean()) {
          throw new IOException("stopped while reading " + file);
        }
        chunk.clear().limit((int) Math.min(chunk.capacity(), bytes - at));
        int read = channel.read(chunk, at);
        if (read < 0) {
          throw new BadSnapshotException(
              "%s has %d bytes, expected %d or more".formatted(file, at, bytes));
        }
        crc.update(chunk.flip());
        at += read;
      }
    }
    return (int) crc.getValue();
  }

  /**
   * Compares a file with its listing.
   *
   * @throws BadSnapshotException if they differ
   */
  static void requireAsListed(Path file, SnapshotFile listed, BooleanSupplier stopped)
      throws IOException {
    int found = checksum(file, listed.bytes(), stopped);
    if (found != listed.checksum()) {
      throw new BadSnapshotException(
          "%s: the checksum of its first %d bytes is 0x%08x, expected 0x%08x"
              .formatted(file, listed.bytes(), found, listed.checksum()));
    }
  }

  /** Makes a file's bytes durable. */
  static void force(Disk disk, Path path) throws IOException {
    try (DiskFile file = disk.open(path)) {
      file.force(true);
    }
  }

  /** Makes the names of a snapshot's files durable. */
  static void forceFolders(Disk disk, Path snapshot) throws IOException {
    for (String folder : new String[] {SnapshotFile.ROWS, SnapshotFile.LOG}) {
      if (Files.isDirectory(snapshot.resolve(folder))) {
        disk.forceDirectory(snapshot.resolve(folder));
      }
    }
    disk.forceDirectory(snapshot);
  }
}
