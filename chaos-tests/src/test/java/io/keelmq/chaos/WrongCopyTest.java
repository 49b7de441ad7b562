package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Rebuilding;
import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Kind;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ReplicaStatus;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: rows that are wrong do not become the majority by being copied. Method: while one replica
 * is away, another one's rows are made to differ; it leads, and the first comes back by its
 * snapshot. The sound replica must stay what it is, and all must say that they differ. An
 * operator's word is enough then: one command rebuilds both; or only the wrong one is emptied, and
 * its copy is outvoted and repaired by nobody but the group.
 */
@Tag("chaos")
@Tag("long")
class WrongCopyTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  /** Rows are hashed once a minute, and compared within ten seconds. */
  private static final Duration REPAIR = Duration.ofMinutes(5);

  private static final String TOPIC = "copies";

  /** The last topic that is made; nobody sends to it for a while. */
  private static final String QUIET = "quiet";

  private static final String CONTRADICTED = "keelmq_digests_contradicted";
  private static final String REPAIRS = "keelmq_damage_repairs_total";

  @Test
  void aReplicaWithAnotherDigestAndItsCopyAreNoMajority() {
    try (var scratch = ScratchCluster.create(options -> options);
        var trial = new Trial(scratch.cluster())) {
      trial.copyAWrongOne(DataFolder::makeStateDiverge);

      trial.awaitContradiction();

      trial.soundOneStays();
      trial.emptyingTheWrongOneIsEnough();
    }
  }

  @Test
  void aWrongRowThatNoEntryHasReadIsNotCopiedUnseen() {
    try (var scratch = ScratchCluster.create(options -> options);
        var trial = new Trial(scratch.cluster())) {
      trial.copyAWrongOne(DataFolder::makeLastQueueWrong);

      trial.awaitContradiction();
      assertEquals(
          Kind.SUM,
          trial.witness(trial.sound).differenceFrom(trial.witness(trial.copy)).orElseThrow().kind(),
          "it is in no digest yet");

      trial.send(QUIET, 1);
      assertTrue(
          Waiting.until(
              PROGRESS, () -> trial.digest(trial.wrong).equals(trial.digest(trial.copy))));
      assertTrue(
          Waiting.until(
              PROGRESS, () -> !trial.digest(trial.sound).equals(trial.digest(trial.copy))));
      trial.awaitTwoMoreLooks();
      trial.soundOneStays();
      trial.oneCommandIsEnough();
    }
  }

  /** A cluster of which one replica is sound, one is wrong and one has its rows from that. */
  private static final class Trial implements AutoCloseable {
    private final LocalCluster cluster;
    private final KeelClient client;
    private final Node sound;
    private final Node wrong;
    private final Node copy;
    private final String soundPeer;

    Trial(LocalCluster cluster) {
      this.cluster = cluster;
      cluster.start(LocalCluster.START_DEADLINE);
      this.client = KeelClient.connect(cluster.endpoints());
      client.admin().createTopic(TOPIC, 2);
      client.admin().createTopic(QUIET, 1);
      send(TOPIC, 200);
      send(QUIET, 4);
      this.sound = cluster.leader();
      List<Node> others = cluster.brokers().stream().filter(node -> !node.equals(sound)).toList();
      this.wrong = others.get(0);
      this.copy = others.get(1);
      this.soundPeer = status(sound).getPeerId();
    }

    void copyAWrongOne(Consumer<DataFolder> damage) {
      cluster.stopNode(copy, PROGRESS);
      new DataFolder(cluster.dataDir(copy)).delete(cluster.dataDir(copy));
      cluster.stopNode(wrong, PROGRESS);
      damage.accept(new DataFolder(cluster.dataDir(wrong)));
      cluster.startNode(wrong);
      cluster.awaitReady(List.of(wrong), LocalCluster.START_DEADLINE);
      leadBy(wrong);
      takeTwoSnapshots();
      cluster.startNode(copy);
      cluster.awaitVoter(copy, LocalCluster.START_DEADLINE);
      assertTrue(status(copy).getInheritedUpTo() > 0, "it has come by the snapshot");
    }

    private void leadBy(Node node) {
      if (!cluster.leader().equals(node)) {
        client.admin().transferLeadership("g0", node.id());
      }
      assertTrue(Waiting.until(PROGRESS, () -> cluster.leader().equals(node)));
    }

    /** Behind the second one the log begins behind the first one's end. */
    private void takeTwoSnapshots() {
      try (var replica = new ReplicaAccess(wrong)) {
        for (int i = 0; i < 2; i++) {
          send(TOPIC, 50);
          replica.takeSnapshot();
        }
      }
    }

    void awaitContradiction() {
      assertTrue(
          Waiting.until(
              REPAIR,
              () -> {
                // Rows are hashed behind the first entry of a minute.
                send(TOPIC, 1);
                return cluster.brokers().stream().allMatch(node -> shows(node, CONTRADICTED, 1));
              }),
          () -> String.join("\n", cluster.tail(sound, 50)));
    }

    void awaitTwoMoreLooks() {
      for (Node node : cluster.brokers()) {
        double before = OpsPage.metric(node, "keelmq_digest_looks_total");
        assertTrue(
            Waiting.until(
                PROGRESS, () -> OpsPage.metric(node, "keelmq_digest_looks_total") >= before + 2));
      }
    }

    void soundOneStays() {
      for (Node node : cluster.brokers()) {
        assertEquals(0, OpsPage.metric(node, REPAIRS), node.id());
        assertEquals(1, OpsPage.metric(node, CONTRADICTED), node.id());
      }
      assertEquals(soundPeer, status(sound).getPeerId());
    }

    void emptyingTheWrongOneIsEnough() {
      leadBy(sound);
      cluster.wipe(wrong, PROGRESS);
      cluster.awaitVoter(wrong, REPAIR);
      assertTrue(
          Waiting.until(REPAIR, () -> repaired()), () -> String.join("\n", cluster.tail(copy, 50)));
      assertTrue(Waiting.until(REPAIR, () -> agree()));
      assertEquals(soundPeer, status(sound).getPeerId());
    }

    void oneCommandIsEnough() {
      for (Node node : List.of(wrong, copy)) {
        new Rebuilding(
                client.admin().rebuilding("g0"),
                node.id(),
                sound.id(),
                System::nanoTime,
                () -> send(TOPIC, 1))
            .run(REPAIR, line -> {});
      }
      assertTrue(Waiting.until(REPAIR, () -> agree()));
      assertEquals(soundPeer, status(sound).getPeerId());
      assertEquals(1, OpsPage.metric(wrong, REPAIRS));
      assertEquals(1, OpsPage.metric(copy, REPAIRS));
    }

    private boolean repaired() {
      send(TOPIC, 1);
      return shows(copy, REPAIRS, 1);
    }

    private boolean agree() {
      send(TOPIC, 1);
      return cluster.brokers().stream()
          .allMatch(node -> shows(node, CONTRADICTED, 0) && status(node).getInheritedUpTo() == 0);
    }

    private static boolean shows(Node node, String metric, int value) {
      // It may be closed, to be opened again.
      return OpsPage.ifAnswered(node, metric).orElse(-1) == value;
    }

    RowWitness witness(Node node) {
      return RowWitness.of(status(node));
    }

    /** Of the last entry, which is the same on all that have applied it. */
    String digest(Node node) {
      return status(node).getDigest();
    }

    private static ReplicaStatus status(Node node) {
      try (var replica = new ReplicaAccess(node)) {
        return replica.status();
      }
    }

    void send(String topic, int messages) {
      try (var producer = client.producer().open()) {
        for (int i = 0; i < messages; i++) {
          producer.sendSync(OutgoingMessage.of(topic, "m" + i));
        }
      }
    }

    @Override
    public void close() {
      client.close();
    }
  }
}
