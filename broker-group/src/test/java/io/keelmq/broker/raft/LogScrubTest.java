package io.keelmq.broker.raft;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.raftlog.LogRecord;
import io.keelmq.raftlog.RealDisk;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogScrubTest {

  private static final ScrubPolicy FAST = new ScrubPolicy(1L << 30, Duration.ZERO);

  @TempDir Path folder;
  private final List<Throwable> told = new CopyOnWriteArrayList<>();
  private SegmentedLog log;
  private RocksTables rows;

  @BeforeEach
  void begin() {
    log =
        SegmentedLog.open(
            SegmentedLogOptions.in(folder.resolve("log"))
                .withSegmentBytes(SegmentedLogOptions.LEAST_SEGMENT_BYTES)
                .withNanos(System::nanoTime),
            new RealDisk());
    rows = RocksTables.open(folder.resolve("store"));
    rows.put(Table.META, new byte[] {1}, new byte[1_000]);
    rows.commit();
    rows.flushAndWait();
    for (long i = 1; i <= 20; i++) {
      log.append(List.of(new LogRecord(i, 1, LogRecord.Type.DATA, ByteBuffer.allocate(1_000))));
    }
  }

  @AfterEach
  void end() {
    log.close();
    rows.close();
  }

  private LogScrub scrub(ScrubPolicy policy, boolean hasOthers) {
    var scrub = new LogScrub(policy, log, rows, "n1", () -> hasOthers, told::add, System::nanoTime);
    scrub.start();
    return scrub;
  }

  private static void flip(Path file) throws Exception {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 4;
    Files.write(file, bytes);
  }

  private Path sealedSegment() {
    return log.sealedSegments().get(1).file();
  }

  private static void awaitPasses(LogScrub scrub, long passes) {
    await().atMost(60, TimeUnit.SECONDS).until(() -> scrub.passes() >= passes);
  }

  @Test
  void aPassThatFailsIsNotTheLast() throws Exception {
    flip(sealedSegment());
    var scrub =
        new LogScrub(
            FAST,
            log,
            rows,
            "n1",
            () -> true,
            damage -> {
              told.add(damage);
              if (told.size() == 1) {
                throw new IllegalStateException("planted");
              }
            },
            System::nanoTime);
    scrub.start();
    try {
      awaitPasses(scrub, 1);
    } finally {
      scrub.stop();
    }
    assertEquals(1, scrub.failures());
  }

  @Test
  void readsSoundSegmentsAgainAndAgain() {
    LogScrub scrub = scrub(FAST, true);
    awaitPasses(scrub, 2);
    scrub.stop();

    long sealed = log.sealedSegments().stream().mapToLong(each -> each.bytes()).sum();
    assertTrue(scrub.bytes() >= 2 * sealed, () -> scrub.bytes() + " of " + sealed);
    assertEquals(List.of(), told);
  }

  @Test
  void tellsOfDamageAndReadsOn() throws Exception {
    flip(sealedSegment());

    LogScrub scrub = scrub(FAST, true);
    awaitPasses(scrub, 1);
    scrub.stop();

    assertTrue(Damage.in(told.get(0)).isPresent(), told::toString);
    assertTrue(scrub.damaged() >= 1);
  }

  @Test
  void tellsOfDamagedRows() throws Exception {
    assertEquals(2, rows.files().size(), "the format's and ours");
    for (RocksTables.TableFile file : rows.files()) {
      byte[] sound = Files.readAllBytes(file.path());
      flip(file.path());

      LogScrub scrub = scrub(FAST, true);
      awaitPasses(scrub, 1);
      scrub.stop();

      assertTrue(Damage.in(told.get(0)).isPresent(), told::toString);
      assertTrue(told.get(0).getMessage().contains(file.path().getFileName().toString()));
      Files.write(file.path(), sound);
      told.clear();
    }
  }

  @Test
  void onlyCountsDamageWhereNobodyElseHasIt() throws Exception {
    flip(sealedSegment());

    LogScrub scrub = scrub(FAST, false);
    awaitPasses(scrub, 2);
    scrub.stop();

    assertTrue(scrub.damaged() >= 2);
    assertEquals(List.of(), told);
  }

  @Test
  void takesItsTime() {
    long began = System.nanoTime();
    long sealed = log.sealedSegments().stream().mapToLong(each -> each.bytes()).sum();

    LogScrub scrub = scrub(new ScrubPolicy(4 * sealed, Duration.ofHours(1)), true);
    awaitPasses(scrub, 1);
    scrub.stop();

    // A fourth of a second, less what the clock's resolution may cost.
    assertTrue(System.nanoTime() - began > 200_000_000);
    assertEquals(1, scrub.passes());
  }

  @Test
  void doesNothingWhenItIsSwitchedOff() {
    LogScrub scrub = scrub(new ScrubPolicy(0, Duration.ZERO), true);
    scrub.stop();

    assertEquals(0, scrub.bytes());
  }
}
