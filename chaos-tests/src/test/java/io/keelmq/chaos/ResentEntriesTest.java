package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.raft.ConfirmPolicy;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a follower confirms no copy of entries that its disk refused. Method: one round of {@link
 * ResentEntries}, judged by the run's history; once more with the guard taken away.
 */
@Tag("chaos")
class ResentEntriesTest {

  private final Seed seed = ChaosPlan.givenOrNewSeed();
  private final DiskFigures figures = new DiskFigures();

  private static ClusterOptions options(String name, Seed seed) {
    Path dir =
        Path.of(
                System.getProperty("chaos.dir", "target/chaos"),
                name + "-" + Long.toString(System.currentTimeMillis(), 36))
            .toAbsolutePath();
    return new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()));
  }

  private ChaosResult run(ClusterOptions options) {
    var disks = new FailingDisks(options.dir(), figures);
    ChaosResult result =
        new ChaosRun(disks.settings(options), ResentEntries.plan(seed, 1))
            .run(new ResentEntries(disks, figures)::run);
    System.out.println(
        result.text() + "\n" + String.join("\n", result.schedule()) + "\n" + figures.text());
    return result;
  }

  @Test
  void losesNothing() throws IOException {
    ClusterOptions options = options("resent-entries", seed);

    ChaosResult result = run(options);

    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
    ClusterFolder.delete(options.dir());
  }

  @Test
  void seesTheLossOfABrokerThatConfirmsTheSecondCopy() throws IOException {
    ClusterOptions broken =
        options("canary-confirms-refused", seed)
            .withBrokerJvm(
                List.of("-D" + ConfirmPolicy.PROPERTY + "=true"),
                List.of(Path.of(System.getProperty("chaos.marker"))));

    ChaosResult result = run(broken);

    assertTrue(result.goneMessages() > 0, () -> "the loss went unseen: " + result.text());
    assertTrue(result.broken().contains("NoAckedLoss"), result::text);
    ClusterFolder.delete(broken.dir());
  }
}
