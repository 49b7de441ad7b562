package io.keelmq.broker.raft;

import io.keelmq.broker.state.Applied;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.common.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * How long it takes to hash all rows of a store, and what that costs whoever commits meanwhile: the
 * same rows are committed for as long once with and once without it. Prints one line of JSON.
 *
 * <p>Arguments: thousands of rows (2,000), as large as those of runs of messages.
 */
final class RowSumBench {

  private static final int PER_COMMIT = 1_000;
  private static final int ROW_BYTES = 40;
  private static final int PAIRS = 3;
  private static final long WARM_UP_NANOS = TimeUnit.SECONDS.toNanos(3);

  private final RocksTables store;
  private final SplittableRandom random = new SplittableRandom(7);
  private long next;

  private RowSumBench(RocksTables store) {
    this.store = store;
  }

  public static void main(String[] arguments) throws Exception {
    long rows = 1_000 * (arguments.length > 0 ? Long.parseLong(arguments[0]) : 2_000);
    Path folder = Files.createTempDirectory("row-sum-bench");
    try (var store = RocksTables.open(folder.resolve("store"))) {
      new RowSumBench(store).run(rows);
    } finally {
      delete(folder);
    }
  }

  private void run(long rows) throws InterruptedException {
    while (next < rows) {
      commit();
    }
    store.flushAndWait();
    long fileBytes = store.stats().fileBytes();
    var sums = new RowSums(store, "bench", System::nanoTime);
    sums.begin(Applied.NOTHING);
    while (sums.lastMillis() == 0) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
    long alone = sums.lastMillis();
    commitFor(WARM_UP_NANOS);
    long summedRows = 0;
    double beside = 0;
    double without = 0;
    for (int i = 1; i <= PAIRS; i++) {
      summedRows = next;
      sums.begin(Applied.NOTHING);
      int summed = i + 1;
      long began = System.nanoTime();
      beside += commitWhile(() -> sums.taken() < summed);
      without += commitFor(System.nanoTime() - began);
    }
    System.out.println(
        new Json()
            .put("bench", "row-sum")
            .put("rows", rows)
            .put("file_bytes", fileBytes)
            .put("sum_ms_alone", alone)
            .put("rows_of_the_last_sum", summedRows)
            .put("last_sum_ms", sums.lastMillis())
            .put("pairs", PAIRS)
            .put("rows_committed_per_s_beside", Math.round(beside / PAIRS))
            .put("rows_committed_per_s_without", Math.round(without / PAIRS))
            .put("ratio", Math.round(100 * beside / without) / 100.0));
  }

  private double commitFor(long nanos) {
    long end = System.nanoTime() + nanos;
    return commitWhile(() -> System.nanoTime() - end < 0);
  }

  /** Rows in a second. */
  private double commitWhile(BooleanSupplier goOn) {
    long began = System.nanoTime();
    long before = next;
    while (goOn.getAsBoolean()) {
      commit();
    }
    return (next - before) * 1e9 / (System.nanoTime() - began);
  }

  private void commit() {
    for (int i = 0; i < PER_COMMIT; i++) {
      byte[] key =
          ByteBuffer.allocate(20).putLong(7).putInt((int) (next % 8)).putLong(next).array();
      byte[] row = new byte[ROW_BYTES];
      random.nextBytes(row);
      store.put(Table.RUNS, key, row);
      next++;
    }
    store.commit();
    if (store.flushDue()) {
      store.flush();
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
