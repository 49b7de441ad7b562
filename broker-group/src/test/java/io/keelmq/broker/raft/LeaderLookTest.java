package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Leadership.Role;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.testing.MapTables;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LeaderLookTest {

  private static final List<Member> MEMBERS =
      List.of(member("n1", 1), member("n2", 2), member("n3", 3));
  private static final PeerId SELF = peer(1);
  private static final PeerId N2 = peer(2);
  private static final PeerId N3 = peer(3);

  private int changes;
  private final LeadershipView view =
      new LeadershipView(
          SELF,
          new Roster(
              new ReplicaIdentity(new Plan("c", "g0", MEMBERS), "n1", Stage.JOINED),
              new StateView(new MapTables())),
          true,
          () -> changes++);
  private PeerId raft;
  private long millis;
  private final LeaderLook look =
      new LeaderLook("n1", view, () -> raft, () -> TimeUnit.MILLISECONDS.toNanos(millis));

  private static Member member(String node, int incarnation) {
    return new Member(node, "127.0.0.1:" + incarnation, incarnation, node + ":8081");
  }

  private static PeerId peer(int incarnation) {
    var peer = new PeerId();
    peer.parse("127.0.0.1:" + incarnation + ":" + incarnation);
    return peer;
  }

  private void raftFollows(PeerId leader) {
    raft = leader;
    look.look();
  }

  private void lateLook() {
    millis += LeaderLook.PATIENCE_MILLIS;
    look.look();
  }

  private Optional<String> leader() {
    return view.current().leaderNode();
  }

  @Test
  void tellsOfALeaderOnlyWhenTheApplyThreadIsLate() {
    view.follows(N2, 5);
    raftFollows(N3);
    assertEquals(Optional.of("n2"), leader());

    lateLook();

    assertEquals(Optional.of("n3"), leader());
    assertEquals(5, view.current().term(), "of the new one it is not known");
    int before = changes;
    lateLook();
    assertEquals(before, changes, "once");
  }

  @Test
  void whatTheApplyThreadTellsAfterwardsDoesNotTakeTheNewLeaderAway() {
    view.follows(N2, 5);
    raftFollows(N3);
    lateLook();

    view.noLonger(N2);
    assertEquals(Optional.of("n3"), leader());
    view.follows(N3, 6);
    assertEquals(6, view.current().term());
    view.noLonger(N3);
    assertEquals(Optional.empty(), leader());
    assertEquals(Role.CANDIDATE, view.current().role());
  }

  @Test
  void anAnswerFromBeforeWhatTheApplyThreadToldIsNotTaken() {
    view.follows(N2, 5);
    var overtaken =
        new LeaderLook(
            "n1",
            view,
            () -> {
              // While Raft's answer is on its way.
              view.noLonger(N3);
              view.noLonger(N2);
              return N3;
            },
            () -> TimeUnit.MILLISECONDS.toNanos(millis));
    overtaken.look();
    millis += LeaderLook.PATIENCE_MILLIS;
    view.follows(N2, 5);

    overtaken.look();

    assertEquals(Optional.empty(), leader());
  }

  @Test
  void thatThisReplicaLeadsIsToldByTheApplyThreadAlone() {
    raftFollows(SELF);
    lateLook();
    assertEquals(Optional.empty(), leader());

    view.leads(7);
    raftFollows(N3);
    lateLook();
    Leadership now = view.current();
    assertEquals(Role.LEADER, now.role(), "until it has been told to stop");
    view.noLongerItself();
    lateLook();
    assertEquals(Optional.of("n3"), leader());
  }

  @Test
  void knowsNobodyWhereRaftKnowsNobody() {
    view.follows(N2, 5);
    raftFollows(null);
    lateLook();
    raftFollows(PeerId.emptyPeer());
    lateLook();

    assertEquals(Optional.of("n2"), leader());
  }
}
