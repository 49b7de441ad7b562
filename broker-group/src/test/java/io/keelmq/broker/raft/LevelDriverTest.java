package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership.Arrival;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Features;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.LogEntryInfo;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.testing.MapTables;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LevelDriverTest {

  private static final LevelRange OLD = new LevelRange(1, 1);
  private static final LevelRange NEW = new LevelRange(1, 2);
  private static final PeerId SELF = new PeerId("127.0.0.1", 1, 1_000_000_001);
  private static final PeerId VOTER = new PeerId("127.0.0.1", 2, 1_000_000_002);
  private static final PeerId LEARNER = new PeerId("127.0.0.1", 3, 1_000_000_003);

  private final MapTables tables = new MapTables();
  private final BrokerState group = new BrokerState(tables);
  private final List<PeerId> learners = new ArrayList<>(List.of(LEARNER));
  private final List<Proposal> proposed = new ArrayList<>();
  private LevelRange own = NEW;
  private long term = 7;
  private long nanos;
  private LevelDriver driver = driver();

  @Test
  void raisesTheGroupWhenEverybodyWasHeardToSupportTheNextLevel() {
    driver.heard(VOTER, NEW);
    driver.look(false);
    assertEquals(List.of(), proposed, "nothing was heard of the learner");

    driver.heard(LEARNER, NEW);
    driver.look(false);

    assertEquals(new Command.RaiseLevel(2, "0.2.0"), proposed.get(0).command());
    assertEquals(OptionalLong.of(7), proposed.get(0).term());
    assertTrue(driver.isRaising());
    driver.look(false);
    assertEquals(1, proposed.size(), "not again while it is on its way");
  }

  @Test
  void staysWhereItIsWhileOneVoterOrLearnerSupportsLess() {
    driver.heard(VOTER, OLD);
    driver.heard(LEARNER, NEW);
    driver.look(false);
    assertEquals(List.of(), proposed);

    driver.heard(VOTER, NEW);
    driver.heard(LEARNER, OLD);
    driver.look(false);
    assertEquals(List.of(), proposed);
  }

  @Test
  void staysWhereItIsWhileItIsHeldItself() {
    own = OLD;
    driver = driver();
    hearAll();

    driver.look(false);

    assertEquals(List.of(), proposed);
  }

  @Test
  void doesNotBelieveOldWordsNorThoseOfAnotherLeadership() {
    hearAll();
    nanos += TimeUnit.MILLISECONDS.toNanos(5_001);
    driver.look(false);
    assertEquals(List.of(), proposed, "of five seconds ago");

    hearAll();
    term = 9;
    driver.look(false);
    assertEquals(List.of(), proposed, "of an earlier term");

    hearAll();
    driver.look(false);
    assertEquals(1, proposed.size());
  }

  @Test
  void doesNotTakeTheWordOfAnEarlierIncarnation() {
    driver.heard(new PeerId("127.0.0.1", 2, 1_000_000_009), NEW);
    driver.heard(LEARNER, NEW);

    driver.look(false);

    assertEquals(List.of(), proposed);
  }

  @Test
  void waitsForAChangeOfMembersToEnd() {
    hearAll();
    driver.look(true);
    assertEquals(List.of(), proposed);

    driver.look(false);
    assertEquals(1, proposed.size());
  }

  @Test
  void followersRaiseNothing() {
    term = 0;
    hearAll();

    driver.look(false);

    assertEquals(List.of(), proposed);
  }

  @Test
  void triesAgainAfterAProposalThatCameToNothingAndEndsAtTheHighestLevel() {
    hearAll();
    driver.look(false);
    proposed
        .get(0)
        .done()
        .accept(new ProposalOutcome.NotProposed(ProposalOutcome.Reason.OVERLOADED, "full"));
    assertFalse(driver.isRaising());

    driver.look(false);
    apply(proposed.get(1).command());
    proposed.get(1).done().accept(new ProposalOutcome.Applied(1, new Reply.Done()));
    driver.look(false);

    assertEquals(2, proposed.size());
    assertFalse(driver.isRaising());
  }

  @Test
  void keepsOutWhoDoesNotSupportTheLevelAndTellsWhatToStart() {
    assertEquals(Optional.empty(), driver.refusal(arrival(OLD)));
    assertEquals(
        "n4 has version 0.1.0, which supports feature levels 3; the group runs at level 1: start it"
            + " with a version that supports this",
        driver.refusal(arrival(new LevelRange(3, 3))).orElseThrow().getMessage());

    apply(new Command.RaiseLevel(2, "0.2.0"));

    assertEquals(
        "n4 has version 0.1.0, which supports feature levels 1; the group runs at level 2, to which"
            + " version 0.2.0 raised it: start it with a version that supports this",
        driver.refusal(arrival(OLD)).orElseThrow().getMessage());
    assertEquals(Optional.empty(), driver.refusal(arrival(NEW)));
  }

  @Test
  void tellsWhoMeetsALevelWhatToDo() {
    var version = new ReplicaVersion("0.2.0", NEW);

    assertEquals(
        "log entry 9: this group runs at feature level 99, this version (0.2.0) supports 1 to 2:"
            + " start version 0.3.0 or later",
        UnsupportedLevelException.message(version, new Features(99, "0.3.0", 9), "log entry 9"));
    assertEquals(
        "x: this group runs at feature level 2, feature.level.max lets this replica support 1: take"
            + " that option out",
        UnsupportedLevelException.message(
            new ReplicaVersion("0.2.0", OLD), new Features(2, "0.2.0", 9), "x"));
    assertEquals(
        "x: this group runs at feature level 1, this version (0.4.0) supports 2 to 4: start an"
            + " earlier version, and this one when the group has been raised",
        UnsupportedLevelException.message(
            new ReplicaVersion("0.4.0", new LevelRange(2, 4)), new Features(1, "", 0), "x"));
  }

  private void hearAll() {
    driver.heard(VOTER, NEW);
    driver.heard(LEARNER, NEW);
  }

  private void apply(Command command) {
    var entry = new LogEntryInfo(group.applied().index() + 1, 1, 1);
    var reply = group.apply(entry, Optional.empty(), command).reply();
    assertEquals(new Reply.Done(), reply);
    group.finish(entry);
  }

  private static Arrival arrival(LevelRange levels) {
    var self = new Member("n4", "127.0.0.1:4", 0, "127.0.0.1:14");
    return new Arrival("", "group", self, 1, 0, false, new ReplicaVersion("0.1.0", levels));
  }

  private LevelDriver driver() {
    var node =
        (Node)
            Proxy.newProxyInstance(
                Node.class.getClassLoader(),
                new Class<?>[] {Node.class},
                (proxy, method, args) ->
                    switch (method.getName()) {
                      case "listPeers" -> List.of(SELF, VOTER);
                      case "listLearners" -> List.copyOf(learners);
                      default -> throw new AssertionError("not expected: " + method);
                    });
    return new LevelDriver(
        new ReplicaVersion("0.2.0", own),
        SELF,
        () -> node,
        new StateView(tables),
        () ->
            new Leadership(
                term == 0 ? Leadership.Role.FOLLOWER : Leadership.Role.LEADER,
                term,
                Optional.of("n1"),
                Optional.empty()),
        proposed::add,
        Runnable::run,
        () -> nanos);
  }
}
