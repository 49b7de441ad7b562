package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesResponse;
import io.keelmq.broker.ReplicaControl.Member;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A follower gets entries twice while its disk hangs; then the disk refuses them. */
class RefusedEntriesTest {

  private static final long TERM = 1_000;

  @TempDir Path folder;

  @Test
  void areConfirmedInNoCopy() throws Exception {
    var disk = new FailingDisk();
    try (var cluster = new ReplicaCluster(folder, 3)) {
      cluster.set("n1", options -> options.withDisk(disk));
      cluster.begin();
      cluster.createTopic();
      RaftReplica follower = cluster.replica("n1");
      cluster.awaitApplied(cluster.leader().state().applied().index());
      var applied = follower.state().applied();
      List<Member> others =
          cluster.plan().members().stream().filter(one -> !one.node().equals("n1")).toList();
      others.forEach(one -> cluster.close(one.node()));

      try (var leader =
          new FakeLeader(cluster.plan().brokerGroup(), others.get(0), follower, TERM)) {
        long first = applied.index() + 1;
        assertTrue(leader.send(applied.index(), applied.term(), TERM).getSuccess());
        disk.stallForces();
        List<CompletableFuture<Object>> copies =
            List.of(leader.sendLater(first, TERM, TERM), leader.sendLater(first, TERM, TERM));
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> follower.raftStats().appendRequests().getAsLong() >= 3);
        disk.failForces();
        disk.endStall();

        for (CompletableFuture<Object> copy : copies) {
          Object answer = copy.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
          assertFalse(
              answer instanceof AppendEntriesResponse response && response.getSuccess(),
              answer::toString);
        }
      }
    }
  }
}
