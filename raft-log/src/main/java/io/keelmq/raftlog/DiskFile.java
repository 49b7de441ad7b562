package io.keelmq.raftlog;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** One open file of a {@link Disk}. One thread writes; any number read meanwhile. */
public interface DiskFile extends Closeable {

  long size() throws IOException;

  /**
   * Reads at {@code position} until {@code target} is full or the file ends.
   *
   * @return the bytes read, 0 at or beyond the end
   */
  int read(ByteBuffer target, long position) throws IOException;

  /** Writes all of {@code source}. On failure any part of it may be in the file. */
  void write(ByteBuffer source, long position) throws IOException;

  void truncate(long size) throws IOException;

  /**
   * Makes the content durable. After a failure nothing is known about any write since the last
   * success, and calling again proves nothing: the kernel may have dropped the pages.
   *
   * @param metadata whether times and the like matter too; use {@code true} after {@link #truncate}
   */
  void force(boolean metadata) throws IOException;

  /**
   * Maps the whole file, as long as it is now, for reading. The file must never shrink afterwards.
   */
  ByteBuffer map() throws IOException;
}
