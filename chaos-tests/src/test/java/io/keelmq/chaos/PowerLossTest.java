package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.chaos.PowerPlan.Kind;
import io.keelmq.chaos.PowerPlan.Moment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: what is acknowledged outlives a power cut of the whole group. Method: each replica's data
 * lies on an ext4 file system of its own, which is shut down under load so that only what was
 * synced is left, as only root can; then the history is judged. The same with log.sync=os has to
 * lose messages, or nothing was cut.
 */
@Tag("chaos")
class PowerLossTest {

  private static final long MEBIBYTE = 1 << 20;

  private final Path folder =
      Path.of(
          System.getProperty("chaos.dir", "target/chaos"),
          "power-loss-" + Long.toString(System.currentTimeMillis(), 36));

  @BeforeEach
  void skipWhereThePowerCannotBeCut() throws IOException {
    Path image = Files.createDirectories(folder).resolve("try.img");
    String lacking = "";
    try (var power = PowerCut.start();
        var disk = LoopDisk.create(image, folder.resolve("try"), 16 * MEBIBYTE)) {
      power.prepare(List.of(disk.folder()));
      power.cut(PowerCut.Request.of(disk.folder()));
    } catch (IllegalStateException e) {
      lacking = e.getMessage();
    }
    PowerDisks.deleteTree(folder);
    assumeTrue(lacking.isEmpty(), "SKIPPED: " + lacking);
  }

  @Test
  void losesNothingWhenAllReplicasLosePower() {
    // Those that need replicas to be far apart first take minutes: PowerLoss does them.
    var moments = List.of(Moment.ANY, Moment.ROLL, Moment.SNAPSHOT);
    var plan = new PowerPlan(2, Kind.ALL, moments, false, false);

    var outcome = new PowerLossRun(folder, ChaosPlan.givenOrNewSeed(), plan).run(round -> {});

    System.out.println(outcome.result().text());
    assertTrue(outcome.result().holds(), outcome.result()::text);
    assertEquals(2, outcome.rounds().size());
    assertEquals(0, outcome.onNoDisk());
  }

  @Test
  void seesTheLossOfReplicasThatDoNotSync() {
    var plan = new PowerPlan(1, Kind.ALL, List.of(Moment.ANY), false, true);

    var outcome = new PowerLossRun(folder, ChaosPlan.givenOrNewSeed(), plan).run(round -> {});

    System.out.println(outcome.rounds().get(0).json(1) + "\n" + outcome.result().text());
    assertTrue(outcome.onNoDisk() > 0, "nothing was lost on the disks: they were not cut");
    PowerDisks.deleteTree(folder);
  }
}
