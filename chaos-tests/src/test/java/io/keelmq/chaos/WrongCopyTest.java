package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Waiting;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: rows that are wrong do not become the majority by being copied. Method: while one replica
 * is away, another one's state is made to differ; it leads, and the first comes back by its
 * snapshot. The sound replica must stay what it is, and all must say that they differ. When the
 * wrong one has been emptied by hand, its copy is outvoted and repaired by nobody but the group.
 */
@Tag("chaos")
@Tag("long")
class WrongCopyTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final Duration REPAIR = Duration.ofMinutes(3);
  private static final String TOPIC = "copies";

  @Test
  void aWrongReplicaAndItsCopyAreNoMajority() {
    try (var scratch = ScratchCluster.create(options -> options)) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints())) {
        client.admin().createTopic(TOPIC, 2);
        send(client, 200);
        Node sound = cluster.leader();
        List<Node> others = cluster.brokers().stream().filter(node -> !node.equals(sound)).toList();
        Node wrong = others.get(0);
        Node copy = others.get(1);
        cluster.stopNode(copy, PROGRESS);
        new DataFolder(cluster.dataDir(copy)).delete(cluster.dataDir(copy));
        makeWrongAndLeading(cluster, client, wrong);
        takeTwoSnapshots(client, wrong);
        String before = peerId(sound);

        cluster.startNode(copy);
        cluster.awaitVoter(copy, LocalCluster.START_DEADLINE);
        assertTrue(inheritedUpTo(copy) > 0, "it has come by the snapshot");
        awaitTwoMoreLooks(cluster);

        for (Node node : cluster.brokers()) {
          assertEquals(1, OpsPage.metric(node, "keelmq_digests_contradicted"), node.id());
          assertEquals(0, OpsPage.metric(node, "keelmq_damage_repairs_total"), node.id());
        }
        assertEquals(before, peerId(sound));

        leadBy(cluster, client, sound);
        cluster.wipe(wrong, PROGRESS);
        cluster.awaitVoter(wrong, REPAIR);
        assertTrue(
            Waiting.until(REPAIR, () -> shows(copy, "keelmq_damage_repairs_total", 1)),
            () -> String.join("\n", cluster.tail(copy, 50)));
        assertTrue(Waiting.until(REPAIR, () -> agree(cluster)));
        assertEquals(before, peerId(sound));
      }
    }
  }

  private static void makeWrongAndLeading(LocalCluster cluster, KeelClient client, Node node) {
    cluster.stopNode(node, PROGRESS);
    new DataFolder(cluster.dataDir(node)).makeStateDiverge();
    cluster.startNode(node);
    cluster.awaitReady(List.of(node), LocalCluster.START_DEADLINE);
    leadBy(cluster, client, node);
  }

  private static void leadBy(LocalCluster cluster, KeelClient client, Node node) {
    if (!cluster.leader().equals(node)) {
      client.admin().transferLeadership("g0", node.id());
    }
    assertTrue(Waiting.until(PROGRESS, () -> cluster.leader().equals(node)));
  }

  /** Behind the second one the log begins behind the first one's end. */
  private static void takeTwoSnapshots(KeelClient client, Node node) {
    try (var replica = new ReplicaAccess(node)) {
      for (int i = 0; i < 2; i++) {
        send(client, 50);
        replica.takeSnapshot();
      }
    }
  }

  private static void awaitTwoMoreLooks(LocalCluster cluster) {
    for (Node node : cluster.brokers()) {
      double before = OpsPage.metric(node, "keelmq_digest_looks_total");
      assertTrue(
          Waiting.until(
              PROGRESS, () -> OpsPage.metric(node, "keelmq_digest_looks_total") >= before + 2));
    }
  }

  private static boolean agree(LocalCluster cluster) {
    return cluster.brokers().stream()
        .allMatch(
            node -> shows(node, "keelmq_digests_contradicted", 0) && inheritedUpTo(node) == 0);
  }

  private static boolean shows(Node node, String metric, int value) {
    // It may be closed, to be opened again.
    return OpsPage.ifAnswered(node, metric).orElse(-1) == value;
  }

  private static long inheritedUpTo(Node node) {
    try (var replica = new ReplicaAccess(node)) {
      return replica.status().getInheritedUpTo();
    }
  }

  private static String peerId(Node node) {
    try (var replica = new ReplicaAccess(node)) {
      return replica.status().getPeerId();
    }
  }

  private static void send(KeelClient client, int messages) {
    try (var producer = client.producer().open()) {
      for (int i = 0; i < messages; i++) {
        producer.sendSync(OutgoingMessage.of(TOPIC, "m" + i));
      }
    }
  }
}
