package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.ReplicaControl.Member;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A leader ends in the midst of what it says, and another one takes over. */
class LeaderDeathTest {

  private static final int ROUNDS = 3;

  /** All of them find room in the queue of a follower that has processed none. */
  private static final int PROBES = 1_000;

  /** JRaft alone lets the next leader wait for 15 s. */
  private static final int MILLIS = 12_000;

  @TempDir Path folder;

  @Test
  void theNextOneIsHeard() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3).begin()) {
      String node =
          cluster.plan().members().stream()
              .map(Member::node)
              .filter(one -> !one.equals(cluster.leaderNode()))
              .findFirst()
              .orElseThrow();
      RaftReplica follower = cluster.replica(node);
      List<Member> others =
          cluster.plan().members().stream().filter(one -> !one.node().equals(node)).toList();
      others.forEach(one -> cluster.close(one.node()));
      String group = cluster.plan().brokerGroup();

      for (int round = 0; round < ROUNDS; round++) {
        long term = 1_000 + 2L * round;
        var dying = new FakeLeader(group, others.get(round % 2), follower, term);
        try (var next = new FakeLeader(group, others.get((round + 1) % 2), follower, term + 1)) {
          dying.burst(PROBES);
          dying.close();

          assertTrue(next.probeWithin(MILLIS).getSuccess());
        }
      }
    }
  }
}
