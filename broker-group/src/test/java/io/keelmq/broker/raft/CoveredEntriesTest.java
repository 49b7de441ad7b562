package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.RaftOutter.EntryMeta;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.google.protobuf.ByteString;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.raft.GroupSnapshots.Published;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests that begin before the follower's snapshot ends. */
class CoveredEntriesTest {

  private static final Published SNAPSHOT = new Published(10, 3, 10, 1_000);

  @TempDir Path folder;

  private static AppendEntriesRequest.Builder request(long previous, long previousTerm) {
    return AppendEntriesRequest.newBuilder()
        .setGroupId("group")
        .setServerId("leader")
        .setPeerId("follower")
        .setTerm(5)
        .setPrevLogIndex(previous)
        .setPrevLogTerm(previousTerm)
        .setCommittedIndex(12);
  }

  private static AppendEntriesRequest entries(long previous, long previousTerm, long... terms) {
    return request(previous, previousTerm)
        .mergeFrom(FakeLeader.entries(previous, previousTerm, terms).buildPartial())
        .build();
  }

  private static AppendEntriesRequest cut(AppendEntriesRequest request) {
    return CoveredEntries.cut(request, SNAPSHOT);
  }

  @Test
  void leavesWhatBeginsAtTheEndOrBehind() {
    for (long previous = 10; previous < 13; previous++) {
      var request = entries(previous, 3, 4, 4);
      assertSame(request, cut(request));
    }
    var request = entries(0, 0, 1);
    assertSame(request, CoveredEntries.cut(request, Published.NONE));
  }

  @Test
  void dropsTheCoveredEntriesWithTheirBytes() {
    var rest = cut(entries(7, 2, 2, 3, 3, 4, 5));

    assertEquals(entries(10, 3, 4, 5), rest);
  }

  @Test
  void anAllCoveredRequestBecomesAProbe() {
    var probe = request(10, 3).setData(ByteString.EMPTY).build();

    assertEquals(probe, cut(entries(7, 2, 2, 3, 3)));
    assertEquals(probe, cut(entries(2, 1, 1, 1)));
    assertEquals(probe, cut(request(4, 1).setData(ByteString.EMPTY).build()));
  }

  @Test
  void aHeartbeatStaysOne() {
    assertEquals(request(10, 3).build(), cut(request(4, 1).build()));
    assertFalse(cut(request(4, 1).build()).hasData());
  }

  /**
   * Of entries that change the configuration; a request without data must not become a heartbeat.
   */
  @Test
  void entriesWithoutBytesAreNoHeartbeatWhenTheyAreDropped() {
    var configuration =
        EntryMeta.newBuilder().setTerm(1).setType(EntryType.ENTRY_TYPE_CONFIGURATION).build();

    assertTrue(cut(request(4, 1).addEntries(configuration).build()).hasData());
  }

  @Test
  void aHeartbeatOfALeaderWithoutThoseTermsStaysAsItIs() {
    var request = request(0, 0).build();
    assertSame(request, cut(request));
  }

  @Test
  void tellsWhatTheSnapshotCannotCover() {
    for (var request : List.of(entries(7, 4, 4), entries(7, 2, 3, 4, 4), request(9, 4).build())) {
      assertTrue(CoveredEntries.contradict(request, SNAPSHOT));
    }
    for (var request :
        List.of(entries(7, 2, 3, 3, 3, 4), entries(10, 4, 4), request(9, 3).build())) {
      assertFalse(CoveredEntries.contradict(request, SNAPSHOT));
    }
  }

  /**
   * As a leader does that looks for the place where the logs part, and has an older snapshot than
   * the follower. JRaft alone answers each of these with a mismatch.
   */
  @Test
  void aFollowerAgreesBelowItsSnapshot() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      cluster.send(40);
      String node = cluster.followers().get(0);
      RaftReplica follower = cluster.group.replica(node);
      cluster.awaitApplied(follower);
      cluster.snapshotTwice(follower);
      cluster.awaitApplied(follower);
      String group = cluster.group.plan().brokerGroup();
      List<Member> others =
          cluster.group.plan().members().stream()
              .filter(member -> !member.node().equals(node))
              .toList();
      others.forEach(member -> cluster.group.close(member.node()));
      // The node has two snapshots behind it, and JRaft keeps no term from before the first.
      long end = follower.snapshotStatus().index();

      try (var leader = new FakeLeader(group, others.get(0), follower, 1_000)) {
        assertTrue(leader.send(0, 0).getSuccess());
        assertTrue(leader.send(5, 1).getSuccess());
        assertTrue(leader.send(5, 1, 1, 1, 1).getSuccess());
        assertFalse(leader.send(end, Long.MAX_VALUE).getSuccess());
        assertEquals(RaftError.EINVAL.getNumber(), leader.refusal(5, Long.MAX_VALUE));
        assertEquals(RaftError.EINVAL.getNumber(), leader.refusal(end - 2, 1, 1, 500));
      }
      assertTrue(cluster.group.fatal.isEmpty());
    }
  }
}
