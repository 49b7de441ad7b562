package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.raft.MembershipPlanner.Heard;
import io.keelmq.broker.raft.MembershipPlanner.RaftGroup;
import io.keelmq.broker.raft.MembershipPlanner.Step;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Members.Seat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Each step follows from the rows, Raft's configuration and what was heard, whoever leads. */
class MembershipPlannerTest {

  private static final PeerId A = peer(1, 100);
  private static final PeerId B = peer(2, 200);
  private static final PeerId OLD = peer(3, 300);
  private static final PeerId NEW = peer(3, 301);

  private static final Seat SEAT_A = voter(1, 100);
  private static final Seat SEAT_B = voter(2, 200);
  private static final Seat REJOINS = new Seat("n3", "h:3", "c:3", 300, 301, 9, false, false);

  @Test
  void doesNothingWhereAllIsWell() {
    assertEquals(
        Optional.empty(),
        next(List.of(SEAT_A, SEAT_B, voter(3, 300)), group(List.of(A, B, OLD), List.of()), null));
  }

  @Test
  void waitsForAReplicaThatWasNotHeardUnderItsIncarnation() {
    var raft = group(List.of(A, B, OLD), List.of());

    assertEquals(Optional.empty(), next(seats(REJOINS), raft, null));
    assertEquals(Optional.empty(), next(seats(REJOINS), raft, new Heard(300, true)));
  }

  @Test
  void leadsAReplicaFromLearnerToVoterInThePlaceOfItsFormerSelf() {
    var behind = new Heard(301, false);
    var caughtUp = new Heard(301, true);

    assertEquals(
        Optional.of(new Step.AddLearner(NEW)),
        next(seats(REJOINS), group(List.of(A, B, OLD), List.of()), behind));
    assertEquals(
        Optional.empty(), next(seats(REJOINS), group(List.of(A, B, OLD), List.of(NEW)), behind));
    assertEquals(
        Optional.of(new Step.RemoveLearner(NEW)),
        next(seats(REJOINS), group(List.of(A, B, OLD), List.of(NEW)), caughtUp));
    assertEquals(
        Optional.of(new Step.ChangePeers(List.of(A, B, NEW))),
        next(seats(REJOINS), group(List.of(A, B, OLD), List.of()), caughtUp));
    // From here on also by a leader that has heard nothing.
    assertEquals(
        Optional.of(new Step.Tell(new Command.ReplicaVotes("n3", 301))),
        next(seats(REJOINS), group(List.of(A, B, NEW), List.of()), null));
  }

  @Test
  void makesALearnerAgainOfOneThatFellBehindBetweenTheTwoChanges() {
    assertEquals(
        Optional.of(new Step.AddLearner(NEW)),
        next(seats(REJOINS), group(List.of(A, B, OLD), List.of()), new Heard(301, false)));
  }

  @Test
  void putsAnEarlierAttemptOutFirst() {
    var wipedAgain = new Seat("n3", "h:3", "c:3", 300, 302, 10, false, false);

    assertEquals(
        Optional.of(new Step.RemoveLearner(NEW)),
        next(seats(wipedAgain), group(List.of(A, B, OLD), List.of(NEW)), new Heard(302, true)));
    assertEquals(
        Optional.of(new Step.RemoveLearner(NEW)),
        next(seats(voter(3, 300)), group(List.of(A, B, OLD), List.of(NEW)), null));
  }

  @Test
  void callsTheJoinOffWhenTheFormerSelfComesBack() {
    var learner = group(List.of(A, B, OLD), List.of(NEW), List.of(A, B, OLD));
    var none = group(List.of(A, B, OLD), List.of(), List.of(A, B, OLD));

    assertEquals(Optional.of(new Step.RemoveLearner(NEW)), next(seats(REJOINS), learner, null));
    assertEquals(
        Optional.of(new Step.Tell(new Command.ReplicaLeft("n3", 301))),
        next(seats(REJOINS), none, null));
  }

  @Test
  void leavesALearnerALearner() {
    var stays = new Seat("n3", "h:3", "c:3", 0, 301, 9, true, false);

    assertEquals(
        Optional.of(new Step.AddLearner(NEW)),
        next(seats(stays), group(List.of(A, B), List.of()), new Heard(301, true)));
    assertEquals(
        Optional.empty(),
        next(seats(stays), group(List.of(A, B), List.of(NEW)), new Heard(301, true)));
  }

  @Test
  void takesALeavingNodeOutWithAllThatIsOfIt() {
    var leaving = new Seat("n3", "h:3", "c:3", 300, 301, 9, false, true);

    assertEquals(
        Optional.of(new Step.RemoveLearner(NEW)),
        next(seats(leaving), group(List.of(A, B, OLD), List.of(NEW)), null));
    assertEquals(
        Optional.of(new Step.ChangePeers(List.of(A, B))),
        next(seats(leaving), group(List.of(A, B, OLD), List.of()), null));
    assertEquals(
        Optional.of(new Step.Tell(new Command.ReplicaLeft("n3", 0))),
        next(seats(leaving), group(List.of(A, B), List.of()), null));
  }

  @Test
  void handsOverBeforeTheLeaderLeaves() {
    var leaving = new Seat("n1", "h:1", "c:1", 100, 0, 0, false, true);

    assertEquals(
        Optional.of(new Step.HandOver()),
        next(List.of(leaving, SEAT_B), group(List.of(A, B), List.of()), null));
    assertEquals(Optional.empty(), next(List.of(leaving), group(List.of(A), List.of()), null));
  }

  private static Optional<Step> next(List<Seat> seats, RaftGroup raft, Heard third) {
    return MembershipPlanner.next(seats, raft, third == null ? Map.of() : Map.of("n3", third));
  }

  private static List<Seat> seats(Seat third) {
    return List.of(SEAT_A, SEAT_B, third);
  }

  private static RaftGroup group(List<PeerId> peers, List<PeerId> learners) {
    return group(peers, learners, List.of(A, B));
  }

  private static RaftGroup group(
      List<PeerId> peers, List<PeerId> learners, List<PeerId> answering) {
    return new RaftGroup(A, peers, learners, answering);
  }

  private static PeerId peer(int number, int incarnation) {
    return new PeerId("h", number, incarnation);
  }

  private static Seat voter(int number, int incarnation) {
    return new Seat("n" + number, "h:" + number, "c:" + number, incarnation, 0, 0, false, false);
  }
}
