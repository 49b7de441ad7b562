package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.AnnounceReplica;
import io.keelmq.broker.state.Command.Founder;
import io.keelmq.broker.state.Command.JoinReplica;
import io.keelmq.broker.state.Command.PromoteReplica;
import io.keelmq.broker.state.Command.RecordMembers;
import io.keelmq.broker.state.Command.ReplicaLeft;
import io.keelmq.broker.state.Command.ReplicaVotes;
import io.keelmq.broker.state.Command.RetireReplica;
import io.keelmq.broker.state.testing.StateScript;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MembersTest {

  private static final int FIRST = 1_000_000_100;

  private final StateScript script = new StateScript();

  @Test
  void recordsTheFoundersOnce() {
    assertEquals(List.of(), script.view.members());

    expect(Reply.Done.class, script.apply(founders(3)));
    expect(Reply.Done.class, script.apply(founders(1)));

    assertEquals(
        List.of("n1", "n2", "n3"), script.view.members().stream().map(Members.Seat::node).toList());
    assertEquals(FIRST + 2, seat("n2").voting());
    assertEquals("h:8082", seat("n2").clientAddress());
    assertTrue(script.view.members().stream().allMatch(seat -> seat.underWay().isEmpty()));
  }

  @Test
  void refusesFoundersThatCannotBe() {
    expectRejected(Rejection.INVALID, script.apply(new RecordMembers(List.of())));
    expectRejected(Rejection.INVALID, script.apply(founders(Limits.MAX_MEMBERS + 1)));
    for (Founder flawed :
        List.of(
            new Founder("", "h:1", "h:2", FIRST),
            new Founder("n 1", "h:1", "h:2", FIRST),
            new Founder("n1", "nowhere", "h:2", FIRST),
            new Founder("n1", "h:1", "", FIRST),
            new Founder("n1", "h:1", "h:2", 999_999_999))) {
      expectRejected(Rejection.INVALID, script.apply(new RecordMembers(List.of(flawed))));
    }
    assertEquals(List.of(), script.view.members());
  }

  @Test
  void givesEachJoinAnIncarnationThatNobodyEverHad() {
    script.apply(founders(3));

    expect(Reply.Done.class, script.apply(join("n2", 10)));
    assertEquals(FIRST + 4, seat("n2").joining());
    // The same process asks again.
    expect(Reply.Done.class, script.apply(join("n2", 10)));
    assertEquals(FIRST + 4, seat("n2").joining());
    // It was wiped again, before it voted.
    expect(Reply.Done.class, script.apply(join("n2", 11)));
    assertEquals(FIRST + 5, seat("n2").joining());
    assertEquals(FIRST + 2, seat("n2").voting());

    // What the overtaken one had become counts no more.
    expect(Reply.Done.class, script.apply(new ReplicaVotes("n2", FIRST + 4)));
    assertEquals(FIRST + 2, seat("n2").voting());
    expect(Reply.Done.class, script.apply(new ReplicaVotes("n2", FIRST + 5)));
    assertEquals(FIRST + 5, seat("n2").voting());
    assertEquals(0, seat("n2").joining());
    expect(Reply.Done.class, script.restart().apply(join("n3", 12)));
    assertEquals(FIRST + 6, seat("n3").joining());
  }

  @Test
  void neverGivesAnIncarnationTwiceAlsoOfANodeThatIsGone() {
    script.apply(founders(3));
    script.apply(join("n2", 10));
    script.apply(new RetireReplica("n2"));
    script.apply(new ReplicaLeft("n2", 0));
    assertEquals(Optional.empty(), script.view.member("n2"));

    script.apply(announce("n2", false));
    script.apply(join("n2", 10));

    assertEquals(FIRST + 5, seat("n2").joining());
  }

  @Test
  void stopsWhenAllIncarnationsAreUsed() {
    script.apply(
        new RecordMembers(List.of(new Founder("n1", "h:10911", "h:8081", Integer.MAX_VALUE))));

    expectRejected(Rejection.MEMBERSHIP, script.apply(join("n1", 1)));

    assertEquals(0, seat("n1").joining());
  }

  @Test
  void refusesStrangersThoseWhoMovedAndThoseWhoLeave() {
    script.apply(founders(3));

    expectRejected(Rejection.MEMBERSHIP, script.apply(join("n9", 1)));
    expectRejected(Rejection.MEMBERSHIP, script.apply(new JoinReplica("n2", "h:1", "h:8082", 1)));
    script.apply(new RetireReplica("n2"));
    expectRejected(Rejection.MEMBERSHIP, script.apply(join("n2", 1)));
  }

  @Test
  void addsANodeAndLetsItVoteWhenItHasCome() {
    script.apply(founders(3));

    expect(Reply.Done.class, script.apply(announce("n4", false)));
    expect(Reply.Done.class, script.apply(announce("n4", false)));
    assertTrue(seat("n4").announced());
    assertTrue(seat("n4").underWay().isPresent());
    script.apply(join("n4", 5));
    script.apply(new ReplicaVotes("n4", FIRST + 4));

    assertEquals(FIRST + 4, seat("n4").voting());
    expectRejected(Rejection.MEMBERSHIP, script.apply(announce("n4", false)));
    expectRejected(
        Rejection.MEMBERSHIP, script.apply(new AnnounceReplica("n5", "h:10914", "h:1", false)));
  }

  @Test
  void keepsALearnerUntilItIsPromoted() {
    script.apply(founders(3));
    script.apply(announce("n4", true));
    script.apply(join("n4", 5));
    // A learner that rests is no change that others wait for.
    assertEquals(Optional.empty(), seat("n4").underWay());
    expect(Reply.Done.class, script.apply(announce("n5", false)));

    expectRejected(Rejection.MEMBERSHIP, script.apply(new PromoteReplica("n4")));
    script.apply(new RetireReplica("n5"));
    script.apply(new ReplicaLeft("n5", 0));
    expect(Reply.Done.class, script.apply(new PromoteReplica("n4")));

    assertTrue(seat("n4").underWay().isPresent());
    expectRejected(Rejection.MEMBERSHIP, script.apply(new PromoteReplica("n9")));
    expect(Reply.Done.class, script.apply(new PromoteReplica("n1")));
  }

  @Test
  void changesMembersOneAtATimeAndNamesTheOneThatRuns() {
    script.apply(founders(3));
    script.apply(new RetireReplica("n3"));

    for (Command other : List.of(announce("n4", false), new RetireReplica("n2"))) {
      var rejected = expect(Reply.Rejected.class, script.apply(other));
      assertEquals(Rejection.MEMBERSHIP, rejected.reason());
      assertTrue(rejected.message().contains("n3 is being removed"), rejected.message());
    }
    // A member that lost its folder cannot wait for an operator.
    expect(Reply.Done.class, script.apply(join("n2", 3)));
    expect(Reply.Done.class, script.apply(new RetireReplica("n3")));
    script.apply(new ReplicaLeft("n3", 0));
    expectRejected(Rejection.MEMBERSHIP, script.apply(announce("n4", false)));
    script.apply(new ReplicaVotes("n2", FIRST + 4));
    expect(Reply.Done.class, script.apply(announce("n4", false)));
  }

  @Test
  void keepsAtLeastOneVoterAndAtMostSevenMembers() {
    script.apply(founders(1));
    expectRejected(Rejection.MEMBERSHIP, script.apply(new RetireReplica("n1")));
    expectRejected(Rejection.MEMBERSHIP, script.apply(new RetireReplica("n2")));
    for (int i = 2; i <= Limits.MAX_MEMBERS; i++) {
      expect(Reply.Done.class, script.apply(announce("n" + i, true)));
      expect(Reply.Done.class, script.apply(join("n" + i, i)));
    }

    expectRejected(Rejection.MEMBERSHIP, script.apply(announce("n8", true)));
  }

  @Test
  void forgetsAJoinThatCameToNothing() {
    script.apply(founders(3));
    script.apply(join("n2", 1));

    expect(Reply.Done.class, script.apply(new ReplicaLeft("n2", FIRST)));
    assertEquals(FIRST + 4, seat("n2").joining());
    expect(Reply.Done.class, script.apply(new ReplicaLeft("n2", FIRST + 4)));

    assertEquals(0, seat("n2").joining());
    assertEquals(FIRST + 2, seat("n2").voting());
    assertEquals(Optional.empty(), seat("n2").underWay());
  }

  @Test
  void makesTheSameRowsOfTheSameLog() {
    script.apply(founders(3));
    script.apply(join("n2", 1));
    script.apply(announce("n4", true));
    script.apply(new ReplicaVotes("n2", FIRST + 4));
    script.apply(announce("n4", true));
    script.apply(new RetireReplica("n1"));

    var other = new StateScript();
    script.log.forEach(fed -> other.entry(fed.commands()));

    assertEquals(script.state().applied(), other.state().applied());
    assertEquals(script.view.members(), other.view.members());
  }

  private Members.Seat seat(String node) {
    return script.view.member(node).orElseThrow();
  }

  private static RecordMembers founders(int count) {
    var founders = new java.util.ArrayList<Founder>();
    for (int i = 1; i <= count; i++) {
      founders.add(new Founder("n" + i, "h:" + (10_910 + i), "h:" + (8_080 + i), FIRST + i));
    }
    return new RecordMembers(founders);
  }

  private static JoinReplica join(String node, long bootId) {
    int number = Integer.parseInt(node.substring(1));
    return new JoinReplica(node, "h:" + (10_910 + number), "h:" + (8_080 + number), bootId);
  }

  private static AnnounceReplica announce(String node, boolean staysLearner) {
    int number = Integer.parseInt(node.substring(1));
    return new AnnounceReplica(
        node, "h:" + (10_910 + number), "h:" + (8_080 + number), staysLearner);
  }
}
