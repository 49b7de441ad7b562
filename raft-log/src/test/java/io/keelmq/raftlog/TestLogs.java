package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;

/**
 * Options and records for tests: small segments, marks that count up, a clock that stands still.
 */
final class TestLogs {

  static final Path FOLDER = Path.of("/log");

  private TestLogs() {}

  static SegmentedLogOptions options(Path folder) {
    var marks = new AtomicLong(0x6b65_656c_0000_0000L);
    return SegmentedLogOptions.in(folder)
        .withSegmentBytes(SegmentedLogOptions.LEAST_SEGMENT_BYTES)
        .withNanos(() -> 0)
        .withMarks(marks::incrementAndGet);
  }

  static SegmentedLog open(Disk disk) {
    return SegmentedLog.open(options(FOLDER), disk);
  }

  /** A record of 1,000 bytes of data: four go into a segment of 4 KiB, less its headers. */
  static LogRecord record(long index, long term) {
    var data = ByteBuffer.allocate(1_000);
    data.put("entry %d of term %d".formatted(index, term).getBytes(StandardCharsets.US_ASCII));
    return new LogRecord(index, term, LogRecord.Type.DATA, data.clear());
  }

  static List<LogRecord> records(long first, long last, long term) {
    return LongStream.rangeClosed(first, last).mapToObj(i -> record(i, term)).toList();
  }

  /** Appends each in a batch of its own, so that every one but the last is known to be durable. */
  static void appendEach(SegmentedLog log, long first, long last, long term) {
    records(first, last, term).forEach(record -> log.append(List.of(record)));
  }

  static boolean holds(SegmentedLog log, long index, long term) {
    return log.reader().read(index).filter(found -> same(found, record(index, term))).isPresent();
  }

  static boolean same(LogRecord one, LogRecord other) {
    return one.index() == other.index()
        && one.term() == other.term()
        && one.type() == other.type()
        && one.data().equals(other.data());
  }

  static Path segment(long base) {
    return FOLDER.resolve("%020d.seg".formatted(base));
  }

  static Path sidecar(long base) {
    return FOLDER.resolve("%020d.idx".formatted(base));
  }
}
