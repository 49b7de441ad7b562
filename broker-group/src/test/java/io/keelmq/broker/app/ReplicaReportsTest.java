package io.keelmq.broker.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.api.ReplicaIdentity;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.state.Command;
import io.keelmq.v1.Voter;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReplicaReportsTest {

  private final FakeGroup group = new FakeGroup(1, 3);
  private ReplicaReports reports;

  @BeforeEach
  void prepare() throws Exception {
    var replica = group.replica(0);
    var members =
        IntStream.of(3, 1, 2)
            .mapToObj(i -> new Member("n" + i, "127.0.0.1:1000" + i, i, "127.0.0.1:2000" + i))
            .toList();
    replica.prepare(new Plan("cluster", "g0", members));
    var identity =
        new ReplicaIdentity(
            "g0", "n1", "127.0.0.1:20001", "127.0.0.1:10001", "127.0.0.1:30001", "test", 1);
    reports = new ReplicaReports(identity, replica, replica);
  }

  @AfterEach
  void close() {
    group.close();
  }

  private List<String> voters() {
    return reports.report(false).getVotersList().stream()
        .map((Voter voter) -> voter.getNode() + " " + voter.getClientAddress())
        .toList();
  }

  @Test
  void tellsWhereTheVotersAre() {
    assertEquals(
        List.of("n1 127.0.0.1:20001", "n2 127.0.0.1:20002", "n3 127.0.0.1:20003"), voters());

    group.apply(
        new Command.RecordMembers(
            List.of(
                new Command.Founder("n1", "127.0.0.1:10001", "moved:1", 1_000_000_001),
                new Command.Founder("n3", "127.0.0.1:10003", "127.0.0.1:20003", 1_000_000_003))));
    group.apply(new Command.AnnounceReplica("n4", "127.0.0.1:10004", "127.0.0.1:20004", false));

    assertEquals(List.of("n1 moved:1", "n3 127.0.0.1:20003"), voters());
  }
}
