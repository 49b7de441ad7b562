package io.keelmq.raftlog;

import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;

/**
 * Not a test: appends 1 GiB in batches of 1 MiB, opens it again, walks over all entries as JRaft
 * does at a restart, and reads them all. Argument: a folder on the disk to measure.
 */
final class LogAppendBench {

  private static final long TOTAL_BYTES = 1L << 30;
  private static final int BATCH_BYTES = 1 << 20;

  private LogAppendBench() {}

  public static void main(String[] args) throws IOException {
    Path parent =
        args.length > 0 ? Path.of(args[0]) : Path.of(System.getProperty("java.io.tmpdir"));
    for (int entryBytes : new int[] {64 << 10, 1 << 10}) {
      Path folder = Files.createTempDirectory(parent, "log-bench");
      try {
        append(folder, entryBytes);
        openAndRead(folder);
      } finally {
        delete(folder);
      }
    }
  }

  private static void append(Path folder, int entryBytes) {
    byte[] data = new byte[entryBytes];
    new Random(1).nextBytes(data);
    long began = System.nanoTime();
    try (var log = SegmentedLog.open(SegmentedLogOptions.in(folder), new RealDisk())) {
      for (long written = 0; written < TOTAL_BYTES; written += BATCH_BYTES) {
        List<LogRecord> batch = new ArrayList<>();
        for (int i = 1; i <= BATCH_BYTES / entryBytes; i++) {
          batch.add(new LogRecord(log.last() + i, 1, LogRecord.Type.DATA, ByteBuffer.wrap(data)));
        }
        log.append(batch);
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      System.out.printf(
          "entries of %d bytes: append %.0f MB/s, %.0f forces/s, %.2f ms per force, %.0f%% of it forcing%n",
          entryBytes,
          TOTAL_BYTES / 1e6 / seconds,
          log.stats().forces() / seconds,
          log.stats().forceNanos() / 1e6 / log.stats().forces(),
          log.stats().forceNanos() / 1e7 / seconds);
    }
  }

  private static void openAndRead(Path folder) {
    long began = System.nanoTime();
    try (var log = SegmentedLog.open(SegmentedLogOptions.in(folder), new RealDisk())) {
      var storage = new SegmentedLogStorage(log);
      var options = new LogStorageOptions();
      options.setConfigurationManager(new ConfigurationManager());
      storage.init(options);
      long opened = System.nanoTime();
      long cpuBefore = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      for (long i = storage.getFirstLogIndex(); i <= storage.getLastLogIndex(); i++) {
        storage.getEntry(i).getId();
      }
      long skipped = System.nanoTime();
      long skipCpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpuBefore;
      for (long i = storage.getFirstLogIndex(); i <= storage.getLastLogIndex(); i++) {
        storage.getEntry(i).getData();
      }
      long read = System.nanoTime();
      System.out.printf(
          "  open %.0f ms, skip %d entries %.0f ms (%.0f ms of CPU), read and verify them %.0f ms%n",
          (opened - began) / 1e6,
          log.last(),
          (skipped - opened) / 1e6,
          skipCpu / 1e6,
          (read - skipped) / 1e6);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
