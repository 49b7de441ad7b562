package io.keelmq.broker;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * A published snapshot that stays as it is until it is closed, whatever replaces it meanwhile. For
 * one thread.
 */
public interface SnapshotCopy extends AutoCloseable {

  /** Whose it is, and where it ends. */
  record About(String clusterId, String brokerGroup, long index, long term) {}

  /**
   * One of its files.
   *
   * @param name relative to the snapshot's folder
   * @param bytes how many of the file belong to the snapshot
   * @param checksum CRC32C of those bytes
   * @param content of a sealed segment: what it holds, whichever replica wrote it
   */
  record File(String name, long bytes, int checksum, Optional<Content> content) {}

  /** The last entry of a sealed segment, and the checksum of what is equal on all replicas. */
  record Content(long lastIndex, int checksum) {}

  About about();

  List<File> files();

  /**
   * Reads on from {@code offset} until {@code into} is full or the file's listed bytes end.
   *
   * @throws IOException if the file cannot be read, or is shorter than listed
   */
  void read(File file, long offset, ByteBuffer into) throws IOException;

  @Override
  void close();
}
