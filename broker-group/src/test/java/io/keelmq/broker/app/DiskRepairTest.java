package io.keelmq.broker.app;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.keelmq.broker.raft.StorageLimits;
import io.keelmq.common.Shutdown;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The steps that end a life are there; the process never ends, because its steps never do. */
class DiskRepairTest {

  private static final Duration LONG = Duration.ofSeconds(30);

  private static final StorageLimits LIMITS =
      new StorageLimits(Duration.ofSeconds(5), 1, 0, Duration.ZERO);

  @TempDir Path folder;
  private final Shutdown shutdown = new Shutdown();
  private final List<String> done = new CopyOnWriteArrayList<>();

  private static IOException eio() {
    return new IOException("Input/output error");
  }

  private DiskRepair repair(DiskRepair.Life life) {
    shutdown.step("close", LONG, () -> done.add("close"));
    return repair(folder, life);
  }

  /** No test here is about damage. */
  private DiskRepair repair(Path data, DiskRepair.Life life) {
    return new DiskRepair(data, LIMITS, shutdown, System::nanoTime, life, null, () -> {});
  }

  private void awaitDone(String... steps) {
    await().atMost(30, TimeUnit.SECONDS).until(() -> done.equals(List.of(steps)));
  }

  @Test
  void closesAndOpensAgainAndDoesNotStandAfterAnError() throws IOException {
    var repair = repair(stand -> done.add("open " + stand.toSeconds()));

    repair.failed(new IllegalStateException("the node failed", eio()));

    awaitDone("close", "open 10");
    assertEquals(1, repair.repairs());
    try (var left = Files.list(folder)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void waitsForRoom() throws IOException {
    Path data = folder.resolve("not-there-yet");
    shutdown.step("close", LONG, () -> done.add("close"));
    var repair = repair(data, stand -> done.add("open " + stand.toSeconds()));

    repair.failed(new IOException("No space left on device"));
    awaitDone("close");
    Files.createDirectory(data);

    awaitDone("close", "open 0");
  }

  @Test
  void triesAgainWhenTheDiskFailsWhileItOpens() {
    var repair =
        repair(
            stand -> {
              shutdown.step("close", LONG, () -> done.add("close"));
              done.add("open");
              if (done.stream().filter("open"::equals).count() == 1) {
                throw eio();
              }
            });

    repair.failed(eio());

    awaitDone("close", "open", "close", "open");
    assertFalse(shutdown.hasBegun());
  }
}
