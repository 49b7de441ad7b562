package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a leader whose fsync fails once, or does not return, leads no more; nothing acknowledged is
 * lost, and it comes back without an operator. Method: one round of {@link FailingDisks}, judged by
 * the run's history.
 */
@Tag("chaos")
class DiskErrorTest {

  @Test
  void leadershipMovesAndTheReplicaComesBack() {
    Path dir =
        Path.of(
                System.getProperty("chaos.dir", "target/chaos"),
                "disk-error-" + Long.toString(System.currentTimeMillis(), 36))
            .toAbsolutePath();
    Seed seed = ChaosPlan.givenOrNewSeed();
    var figures = new DiskFigures();
    var disks = new FailingDisks(dir, figures);
    var options =
        disks.settings(
            new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random())));

    ChaosResult result = new ChaosRun(options, FailingDisks.plan(seed, 1)).run(disks::run);

    System.out.println(result.text() + "\n" + figures.text());
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
  }
}
