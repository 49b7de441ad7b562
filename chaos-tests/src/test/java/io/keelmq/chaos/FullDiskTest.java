package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a full disk costs nothing that was acknowledged and needs no operator but for the room.
 * Method: one round of {@link FullDisks}, judged by the run's history.
 */
@Tag("chaos")
class FullDiskTest {

  @Test
  void goesOnByItselfWhenThereIsRoom() throws IOException {
    Path dir =
        Path.of(
                System.getProperty("chaos.dir", "target/chaos"),
                "full-disk-" + Long.toString(System.currentTimeMillis(), 36))
            .toAbsolutePath();
    Seed seed = ChaosPlan.givenOrNewSeed();
    var figures = new DiskFigures();
    try (FullDisks disks = FullDisks.mount(dir, figures)) {
      assumeTrue(
          disks.problem().isEmpty(),
          () -> "SKIPPED: no file system could be mounted: " + disks.problem());
      var options =
          FullDisks.settings(
              new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random())));

      ChaosResult result = new ChaosRun(options, FullDisks.plan(seed)).run(disks::run);

      System.out.println(result.text() + "\n" + figures.text());
      assertTrue(result.holds(), result::text);
      assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
      ClusterFolder.delete(dir);
    }
  }
}
