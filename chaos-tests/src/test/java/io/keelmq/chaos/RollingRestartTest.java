package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.local.CatchUp;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.PortPlan;
import io.keelmq.local.RollingRestart;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: an upgrade of a whole cluster is nothing that a client of it sees but as a pause. Method:
 * producers and a reader at work, every node is stopped by SIGTERM and started again, one after the
 * other; then every replica is read and judged as in {@link ChaosTest}, and no send may have failed
 * or be in doubt.
 */
@Tag("chaos")
class RollingRestartTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  @Test
  void losesNothingAndFailsNoSendWhenEveryNodeIsRestarted() {
    var roles = new ArrayList<String>();
    Path dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            "rolling-restart-" + Long.toString(System.currentTimeMillis(), 36));
    var options = new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(new Random()));
    var plan =
        new ChaosPlan(
            "rolling-restart", ChaosPlan.givenOrNewSeed(), WorkloadOptions.standard(), 3_000, 5);

    ChaosResult result = new ChaosRun(options, plan).run(faults -> restartAll(faults, roles));

    System.out.println(result.text());
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed(), result::text);
    assertEquals(0, result.counts().unknown(), result::text);
    assertEquals(
        List.of("NAME_SERVER", "NAME_SERVER", "FOLLOWER", "FOLLOWER", "LEADER"),
        roles,
        "the leader goes last: leadership moves once");
  }

  private static void restartAll(Faults faults, List<String> roles) {
    try (var client = KeelClient.connect(faults.cluster().endpoints())) {
      new RollingRestart(
              faults.cluster(), new CatchUp(client)::await, RollingRestart.Limits.DEFAULT)
          .run(
              node -> {
                faults.awaitMoreOks(faults.draw(300, 900), PROGRESS);
                faults.note("SIGTERM " + node.id());
                faults.disturb();
              },
              step -> {
                faults.note(step.node().id() + " is back");
                roles.add(step.role());
              });
    }
    faults.awaitMoreOks(500, PROGRESS);
  }
}
