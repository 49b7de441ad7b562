package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.DamageKind.How;
import io.keelmq.chaos.DamageRound.Outcome;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Seed;
import io.keelmq.local.Waiting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: damage of one replica is repaired by nobody but the group: the replica comes back as a new
 * incarnation, votes again, and nothing was lost or served wrong. Method: one cluster under load;
 * files of one replica after the other are flipped, cut and deleted while it is down. The tool
 * {@code DamageRounds} does the same with each kind alone.
 */
@Tag("chaos")
class DamageRepairTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  private final List<String> report = new ArrayList<>();

  @Test
  void aDamagedReplicaComesBackByItself() {
    Seed seed = ChaosPlan.givenOrNewSeed();
    Path dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            "damage-repair-" + Long.toString(System.currentTimeMillis(), 36));
    var plan = new ChaosPlan("damage-repair", seed, DamageRounds.workload(), 700, 0);

    ChaosResult result =
        new ChaosRun(DamageRounds.cluster(dir, seed), plan)
            .run(
                faults -> {
                  faults.awaitMoreOks(900, PROGRESS);
                  Random random = seed.random();
                  repairs(faults, follower(faults), How.FLIP, random, DamageKind.SEALED_SEGMENT);
                  repairs(
                      faults,
                      faults.cluster().leader(),
                      How.CUT,
                      random,
                      DamageKind.ACTIVE_SEGMENT,
                      DamageKind.BOUNDS,
                      DamageKind.SNAPSHOT_LISTING);
                });

    System.out.println(result.text() + "\n" + String.join("\n", report));
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
    ClusterFolder.delete(dir);
  }

  /**
   * Goal: nothing is thrown away where it may be the last there is. Method: bounds of two of three
   * replicas are damaged; both wait, and say so; when one is put back, the other one is repaired.
   */
  @Test
  void nothingIsMovedWhileAMajorityIsDamaged() {
    Seed seed = ChaosPlan.givenOrNewSeed();
    try (var scratch = ScratchCluster.create(given -> DamageRounds.cluster(given.dir(), seed))) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      List<Node> damaged = cluster.brokers().subList(0, 2);
      cluster.brokers().forEach(node -> cluster.stopNode(node, PROGRESS));
      var folders = new HashMap<Node, List<String>>();
      for (Node node : damaged) {
        var folder = new DataFolder(cluster.dataDir(node));
        folder.copyTo(folder.path().resolveSibling(node.id() + "-sound"));
        DamageKind.BOUNDS.damage(folder.path(), How.FLIP, seed.random());
        folders.put(node, folder.contents());
      }

      cluster.brokers().forEach(cluster::startNode);

      for (Node node : damaged) {
        assertTrue(Waiting.until(PROGRESS, () -> shows(node, "keelmq_damage_waiting")));
        assertEquals(folders.get(node), new DataFolder(cluster.dataDir(node)).contents());
      }
      Node restored = damaged.get(0);
      cluster.stopNode(restored, PROGRESS);
      var folder = new DataFolder(cluster.dataDir(restored));
      new DataFolder(folder.path().resolveSibling(restored.id() + "-sound")).copyTo(folder.path());
      cluster.startNode(restored);
      Node repaired = damaged.get(1);
      cluster.awaitVoter(repaired, LocalCluster.START_DEADLINE);
      cluster.awaitReady(cluster.brokers(), LocalCluster.START_DEADLINE);
      assertTrue(shows(repaired, "keelmq_damage_repairs_total"));
      assertTrue(Files.isDirectory(cluster.dataDir(repaired).resolve("set-aside-1")));
      assertFalse(Files.isDirectory(cluster.dataDir(restored).resolve("set-aside-1")));
    }
  }

  private static boolean shows(Node node, String metric) {
    // It may not be up yet.
    return OpsPage.ifAnswered(node, metric).orElse(0) == 1;
  }

  private static Node follower(Faults faults) {
    LocalCluster cluster = faults.cluster();
    Node leader = cluster.leader();
    List<Node> others = cluster.brokers().stream().filter(node -> !node.equals(leader)).toList();
    return others.get(faults.draw(0, others.size()));
  }

  private void repairs(Faults faults, Node node, How how, Random random, DamageKind... kinds) {
    Outcome outcome = DamageRound.run(faults, "chaos", node, List.of(kinds), how, random);
    report.add("  " + outcome);
    assertEquals(kinds.length, outcome.damages().size(), outcome::toString);
    assertTrue(outcome.newIncarnation(), outcome::toString);
    assertEquals(1, outcome.repairs(), outcome::toString);
    assertTrue(outcome.found() >= 1, outcome::toString);
    assertEquals(0, outcome.wrong(), outcome::toString);
  }
}
