package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a cluster is upgraded under load and loses nothing, whoever leads while it is mixed.
 * Method: one round of {@link UpgradeRounds}, from this release held at the first feature level;
 * from older ones by its main.
 */
@Tag("chaos")
@Tag("long")
class UpgradeRoundsTest {

  /** Nobody knows what else a machine does that runs tests. */
  private static final Duration TOLERANCE = Duration.ofSeconds(10);

  @Test
  void keepsEveryPromiseWhileAHeldClusterIsReplacedNodeByNode() {
    var plan =
        new ConsumePlan(
            "upgrade",
            ChaosPlan.givenOrNewSeed(),
            50,
            1,
            1_000,
            500,
            10,
            TOLERANCE,
            UpgradeRounds.START_DEADLINE);
    Path dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            "upgrade-" + Long.toString(System.currentTimeMillis(), 36));

    ConsumeResult result =
        UpgradeRounds.upgrade(UpgradeRounds.releases(Optional.empty()), dir, plan).result();

    System.out.println(result.text());
    assertTrue(result.holds(), result::text);
  }
}
