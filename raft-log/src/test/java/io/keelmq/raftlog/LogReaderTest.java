package io.keelmq.raftlog;

import static io.keelmq.raftlog.TestLogs.record;
import static io.keelmq.raftlog.TestLogs.records;
import static io.keelmq.raftlog.TestLogs.same;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogReaderTest {

  private static final long SEED = Long.getLong("seed", 99);
  private static final int CHANGES = 300;
  private static final int READERS = 3;

  @TempDir Path folder;

  /**
   * Goal: a reader never gets bytes that were not the entry's, and takes no change of the log for
   * damage. Method: one thread appends, cuts, resets and retains on a real disk, always in a new
   * term, so that each (index, term) has one content; the others read around the end and check
   * every byte, some of them being interrupted all the time.
   */
  @Test
  void seesOnlyWholeEntriesWhileTheLogIsChanged() throws Exception {
    List<CorruptLogException> corruptions = new CopyOnWriteArrayList<>();
    var options =
        TestLogs.options(folder)
            .withSync(SegmentedLogOptions.Sync.OS)
            .withCorruptionListener(corruptions::add);
    var done = new AtomicBoolean();
    var read = new AtomicLong();
    var pool = Executors.newFixedThreadPool(READERS);
    List<Future<?>> readers = new ArrayList<>();
    try (var log = SegmentedLog.open(options, new RealDisk())) {
      for (int i = 0; i < READERS; i++) {
        var random = new Random(SEED + i);
        boolean interrupted = i == 0;
        readers.add(pool.submit(readUntil(done, log.reader(), random, interrupted, read)));
      }
      change(log, new Random(SEED));
      done.set(true);
      for (Future<?> reader : readers) {
        reader.get();
      }
    } finally {
      done.set(true);
      pool.shutdown();
    }

    System.out.printf("LogReaderTest: %d verified reads, seed %d%n", read.get(), SEED);
    assertEquals(List.of(), corruptions);
    assertTrue(read.get() > 0);
  }

  private static void change(SegmentedLog log, Random random) {
    log.append(records(1, 20, 1));
    for (long term = 2; term < CHANGES; term++) {
      switch (random.nextInt(12)) {
        case 0, 1, 2 ->
            log.truncateSuffix(
                Math.max(log.logicalFirst() - 1, log.last() - 1 - random.nextInt(9)));
        case 3 -> log.truncatePrefix(Math.max(1, log.last() - 12));
        case 4 -> log.retain(log.last() - 10);
        case 5 -> {
          if (random.nextInt(10) == 0) {
            log.reset(Math.max(1, log.last() - 5));
          }
        }
        default -> log.append(records(log.last() + 1, log.last() + 1 + random.nextInt(6), term));
      }
    }
  }

  private static Callable<Void> readUntil(
      AtomicBoolean done, LogReader reader, Random random, boolean interrupted, AtomicLong read) {
    return () -> {
      while (!done.get()) {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
        long index = Math.max(1, reader.lastIndex() + 2 - random.nextInt(14));
        reader
            .read(index)
            .ifPresent(
                found -> {
                  assertTrue(same(found, record(index, found.term())), "entry " + index);
                  read.incrementAndGet();
                });
      }
      Thread.interrupted();
      return null;
    };
  }
}
