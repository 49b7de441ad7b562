package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/**
 * Format 1 as it was released: this build reads it, and writes the same bytes. After a new format
 * this folder stays, and only the second test moves on. {@code -Dgolden.write=true} writes the
 * files of a format that is not released yet.
 */
class GoldenFormatTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/format-1");
  private static final long LAST = 9;

  @Test
  void readsFormatOne() throws IOException {
    var fs = new CrashFs();
    for (Path file : goldenFiles()) {
      fs.put(TestLogs.FOLDER.resolve(file.getFileName().toString()), Files.readAllBytes(file));
    }

    var log = TestLogs.open(fs);

    assertEquals(3, log.logicalFirst());
    assertEquals(1, log.physicalFirst());
    assertEquals(LAST, log.last());
    assertEquals(List.of(4L), log.configurations().boxed().toList());
    for (long i = 1; i <= LAST; i++) {
      assertTrue(TestLogs.same(golden(i), log.reader().read(i).orElseThrow()), "entry " + i);
    }
  }

  @Test
  void writesFormatOneByteForByte() throws IOException {
    var fs = goldenLog();
    if (Boolean.getBoolean("golden.write")) {
      for (Path file : fs.files()) {
        Files.write(GOLDEN.resolve(file.getFileName().toString()), fs.bytes(file));
      }
    }

    assertEquals(
        fs.files().stream().map(file -> file.getFileName().toString()).toList(),
        goldenFiles().stream().map(file -> file.getFileName().toString()).toList());
    for (Path file : goldenFiles()) {
      var written = fs.bytes(TestLogs.FOLDER.resolve(file.getFileName().toString()));
      assertArrayEquals(Files.readAllBytes(file), written, file.toString());
    }
  }

  private static CrashFs goldenLog() {
    var fs = new CrashFs();
    var log = TestLogs.open(fs);
    log.append(LongStream.rangeClosed(1, 5).mapToObj(GoldenFormatTest::golden).toList());
    log.append(LongStream.rangeClosed(6, LAST).mapToObj(GoldenFormatTest::golden).toList());
    log.truncatePrefix(3);
    log.close();
    return fs;
  }

  /** All types, terms with gaps, empty data, and enough bytes to roll once. */
  private static LogRecord golden(long index) {
    var type =
        index == 1
            ? LogRecord.Type.NO_OP
            : index == 4 ? LogRecord.Type.CONFIGURATION : LogRecord.Type.DATA;
    byte[] text =
        "golden entry ".repeat((int) (index - 1) * 15).getBytes(StandardCharsets.US_ASCII);
    return new LogRecord(index, index < 5 ? 2 : 7, type, ByteBuffer.wrap(text));
  }

  private static List<Path> goldenFiles() throws IOException {
    try (var files = Files.list(GOLDEN)) {
      List<Path> found = files.sorted().toList();
      assertFalse(found.isEmpty() && !Boolean.getBoolean("golden.write"));
      return found;
    }
  }
}
