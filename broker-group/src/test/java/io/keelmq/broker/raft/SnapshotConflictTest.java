package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.SnapshotCluster.snapshot;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.entity.Task;
import io.keelmq.broker.ReplicaControl.Member;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a replica whose log goes on beyond the snapshot it is brought, with entries that nobody
 * else ever had, ends up with the group's entries. Method: a leader writes entries that reach no
 * follower, and comes back when the others' logs begin behind the fork, but end before its own.
 */
class SnapshotConflictTest {

  private static final int ORPHANS = 60;

  @TempDir Path folder;

  private static Node node(SnapshotCluster cluster, String name) {
    Member member =
        cluster.group.plan().members().stream()
            .filter(one -> one.node().equals(name))
            .findFirst()
            .orElseThrow();
    return NodeManager.getInstance()
        .get(cluster.group.plan().brokerGroup(), ReplicaIdentity.peerId(member));
  }

  private void fork(boolean restartBeforeLoad) throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      cluster.send(30);
      cluster.assertAllEqual();
      String lonely = cluster.group.leaderNode();
      var others = cluster.followers();
      long common = cluster.group.replica(lonely).status().logLastIndex();
      others.forEach(cluster.group::close);
      for (int i = 0; i < ORPHANS; i++) {
        node(cluster, lonely).apply(new Task(ByteBuffer.wrap(new byte[300]), null));
      }
      var old = cluster.group.replica(lonely);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> old.status().logLastIndex() >= common + ORPHANS);
      cluster.group.close(lonely);
      for (String other : others) {
        cluster.group.open(other);
      }
      cluster.send(8);
      for (RaftReplica replica : cluster.group.replicas()) {
        cluster.awaitApplied(replica);
        snapshot(replica);
      }
      cluster.send(5);
      for (RaftReplica replica : cluster.group.replicas()) {
        cluster.awaitApplied(replica);
        snapshot(replica);
      }
      long last = cluster.group.leader().status().logLastIndex();
      assertTrue(last < common + ORPHANS, "the fork must be longer than " + last);
      if (restartBeforeLoad) {
        Path published = cluster.published(cluster.group.leaderNode()).get(0);
        SnapshotCluster.copyTree(
            published, cluster.snapshotFolder(lonely).resolve(published.getFileName()));
      }

      var back = cluster.group.open(lonely);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> back.snapshotStats().installs().getAsLong() > 0);
      // JRaft believes what the log says, before any entry has set it right.
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(
              () ->
                  node(cluster, lonely).getLastLogIndex() == back.status().logLastIndex()
                      && back.status().logLastIndex() == last);
      // Up to and beyond where the orphans were.
      cluster.send(2 * ORPHANS);

      cluster.assertAllEqual();
      assertTrue(cluster.group.fatal.isEmpty(), () -> "left: " + cluster.group.fatal);
      cluster.group.close(lonely);
      cluster.group.open(lonely);
      cluster.send(1);
      cluster.assertAllEqual();
    }
  }

  @Test
  void givesUpEntriesThatNobodyElseHas() throws Exception {
    fork(false);
  }

  @Test
  void givesThemUpAlsoWhenItCrashedBeforeItLoadedTheSnapshot() throws Exception {
    fork(true);
  }
}
