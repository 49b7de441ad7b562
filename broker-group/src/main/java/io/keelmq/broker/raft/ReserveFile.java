package io.keelmq.broker.raft;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file {@code reserve} of a data folder: bytes of no meaning, given back to the disk when it is
 * full, so that a vote, the rows and a snapshot that is under way can still be written. Only the
 * log never gets them: it lets go of nothing by itself and would be full again.
 *
 * <p>Thread-safe; made again at the next start with room.
 */
final class ReserveFile {

  private static final Logger LOG = LoggerFactory.getLogger(ReserveFile.class);

  static final String NAME = "reserve";
  static final int BYTES = 4 << 20;

  private final Path file;

  ReserveFile(Path folder) {
    this.file = folder.resolve(NAME);
  }

  /** Makes the file if there is room for it and as much again; failing to is no failure. */
  synchronized void make() {
    try {
      if (Files.exists(file) && Files.size(file) == BYTES) {
        return;
      }
      if (Files.getFileStore(file.getParent()).getUsableSpace() < 4L * BYTES) {
        return;
      }
      // Written, because a hole reserves nothing.
      try (var channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        var zeros = ByteBuffer.allocate(1 << 20);
        while (channel.size() < BYTES) {
          channel.write(zeros.clear());
        }
        channel.force(true);
      }
    } catch (IOException e) {
      LOG.warn("no reserve of {} bytes could be made: {}", BYTES, e.toString());
      release();
    }
  }

  /**
   * @return whether there was one to give back
   */
  synchronized boolean release() {
    try {
      boolean released = Files.deleteIfExists(file);
      if (released) {
        LOG.warn("the disk is full: the reserve is released, bytes={}", BYTES);
      }
      return released;
    } catch (IOException e) {
      LOG.warn("the reserve could not be released: {}", e.toString());
      return false;
    }
  }
}
