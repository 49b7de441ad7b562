package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Applied;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.RocksTables;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a snapshot that leaves out what tells repeats would be noticed. Method: a follower is
 * brought up by a snapshot whose DEDUP rows are dropped on the way in, then a client repeats a send
 * from before it. Both the comparison of digests and the search for messages that are there twice
 * must find it; with an honest snapshot neither may find anything.
 */
class SnapshotCanaryTest {

  private static final byte[] END = {(byte) 0xff};

  @TempDir Path folder;

  private static void withoutDedup(RocksTables store, Path checkpoint) {
    store.restore(checkpoint);
    int dropped = 0;
    for (var rows = store.range(Table.DEDUP, new byte[0], END, 1_000);
        !rows.isEmpty();
        rows = store.range(Table.DEDUP, new byte[0], END, 1_000)) {
      rows.forEach(row -> store.delete(Table.DEDUP, row.key()));
      dropped += rows.size();
      store.commit();
    }
    assertTrue(dropped > 0, "there was something to leave out");
  }

  private static Reply.Stored sendById(SnapshotCluster cluster, String id) {
    ByteBuffer record = ReplicaCluster.record("message " + id);
    var command =
        new Command.SendMessages(
            new Command.ClientMessageIds("client"),
            List.of(new Command.Run(ReplicaCluster.TOPIC, 0, 1, 0, record.limit(), List.of(id))));
    return assertInstanceOf(Reply.Stored.class, cluster.group.apply(command, record).reply());
  }

  /** How often each message is in the queue of a replica. */
  private static Map<String, Integer> counts(SnapshotCluster cluster, RaftReplica replica) {
    var topic = replica.state().topic(ReplicaCluster.TOPIC).orElseThrow();
    var counts = new HashMap<String, Integer>();
    long end = replica.state().bounds(topic.id(), 0).endOffset();
    for (long offset = 0; offset < end; offset++) {
      counts.merge(cluster.bodyAt(replica, offset), 1, Integer::sum);
    }
    return counts;
  }

  /** The states of both at the same index. */
  private static List<Applied> compared(RaftReplica one, RaftReplica other) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(() -> one.state().applied().index() == other.state().applied().index());
    return List.of(one.state().applied(), other.state().applied());
  }

  private void run(ApplyLoop.Restorer restorer, boolean honest) throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      cluster.send(10);
      cluster.assertAllEqual();
      String away = cluster.followers().get(0);
      cluster.group.close(away);
      sendById(cluster, "a");
      cluster.send(30);
      for (RaftReplica replica : cluster.group.replicas()) {
        cluster.awaitApplied(replica);
        cluster.snapshotTwice(replica);
      }
      var back = cluster.group.open(away, restorer);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> back.snapshotStats().installs().getAsLong() > 0);

      assertTrue(sendById(cluster, "a").duplicate());
      cluster.awaitApplied(back);

      var states = compared(cluster.group.leader(), back);
      int most =
          counts(cluster, back).values().stream().mapToInt(Integer::intValue).max().orElseThrow();
      if (honest) {
        assertEquals(states.get(0), states.get(1));
        assertEquals(1, most);
      } else {
        assertNotEquals(states.get(0).digest(), states.get(1).digest());
        assertEquals(2, most);
      }
    }
  }

  @Test
  void findsThatRepeatsWereForgotten() throws Exception {
    run(SnapshotCanaryTest::withoutDedup, false);
  }

  @Test
  void findsNothingInAnHonestSnapshot() throws Exception {
    run(RocksTables::restore, true);
  }
}
