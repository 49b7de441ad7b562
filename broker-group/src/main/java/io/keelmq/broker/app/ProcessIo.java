package io.keelmq.broker.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the operating system has counted for this process; 0 where it does not tell. */
final class ProcessIo {

  private static final Path IO = Path.of("/proc/self/io");
  private static final String WRITTEN = "write_bytes:";

  private ProcessIo() {}

  /** Bytes that went, or will go, to a storage device because of this process. */
  static long writtenBytes() {
    try {
      for (String line : Files.readAllLines(IO)) {
        if (line.startsWith(WRITTEN)) {
          return Long.parseLong(line.substring(WRITTEN.length()).strip());
        }
      }
    } catch (IOException | NumberFormatException e) {
      // Not Linux, or not ours to read.
      return 0;
    }
    return 0;
  }
}
