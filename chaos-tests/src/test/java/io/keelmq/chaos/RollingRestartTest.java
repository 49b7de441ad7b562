package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.GroupLevels;
import io.keelmq.client.KeelClient;
import io.keelmq.client.doctor.Examination;
import io.keelmq.client.doctor.Finding;
import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.client.doctor.NetworkEyes;
import io.keelmq.local.CatchUp;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.local.ReachedLevels;
import io.keelmq.local.RollingRestart;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: an upgrade of a whole cluster is nothing that a client of it sees but as a pause. Method:
 * producers and a reader at work, every node is stopped by SIGTERM and started again, one after the
 * other, then the doctor is asked, with all there and with two away; then every replica is read and
 * judged as in {@link ChaosTest}, and no send may have failed or be in doubt.
 */
@Tag("chaos")
class RollingRestartTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  private Map<String, GroupLevels> levels = Map.of();
  private Set<Kind> doctorAfter = Set.of();
  private Set<Kind> doctorWithout = Set.of();

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

    ChaosResult result =
        new ChaosRun(options, plan)
            .run(
                faults -> {
                  restartAll(faults, roles);
                  askTheDoctor(faults);
                });

    System.out.println(result.text());
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed(), result::text);
    assertEquals(0, result.counts().unknown(), result::text);
    assertEquals(
        List.of("NAME_SERVER", "NAME_SERVER", "FOLLOWER", "FOLLOWER", "LEADER"),
        roles,
        "the leader goes last: leadership moves once");
    assertEquals(
        Map.of("g0", new GroupLevels(3, 3, 3)), levels, "the level that this version supports");
    assertEquals(Set.of(), doctorAfter, "keelmq doctor, of a whole cluster");
    assertEquals(
        Set.of(Kind.NAME_SERVER_SILENT, Kind.MEMBER_MISSING, Kind.PEER_SILENT),
        doctorWithout,
        "keelmq doctor, with a name server and a follower away");
  }

  /** Kills a name server and a follower to see what the doctor says. */
  private void askTheDoctor(Faults faults) {
    LocalCluster cluster = faults.cluster();
    try (var client = KeelClient.connect(cluster.endpoints())) {
      levels = ReachedLevels.await(client, PROGRESS);
      doctorAfter = toDo(client);
      faults.kill(cluster.node("ns2"));
      Node leader = cluster.leader();
      faults.kill(cluster.brokers().stream().filter(n -> !n.equals(leader)).findFirst().get());
      doctorWithout = toDo(client);
    }
    faults.awaitMoreOks(500, PROGRESS);
  }

  /** Without what depends on how busy this machine is, and how full its disk. */
  private static Set<Kind> toDo(KeelClient client) {
    var eyes = new NetworkEyes(client.admin()::clusterStatus, InstantSource.system());
    Set<Kind> kinds = EnumSet.noneOf(Kind.class);
    Examination.by(eyes, () -> LockSupport.parkNanos(Duration.ofSeconds(3).toNanos()))
        .findings()
        .stream()
        .filter(finding -> finding.severity().needsAction())
        .map(Finding::kind)
        .forEach(kinds::add);
    kinds.removeAll(EnumSet.of(Kind.SLOW_FSYNC, Kind.LOW_DISK, Kind.REPLICA_LAGS, Kind.CLOCK_SKEW));
    return kinds;
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
