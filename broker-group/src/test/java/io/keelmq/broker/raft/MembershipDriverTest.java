package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership.Arrival;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.LogEntryInfo;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.testing.MapTables;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What the driver does while Raft carries a change out. */
class MembershipDriverTest {

  private static final ReplicaVersion VERSION =
      new ReplicaVersion("test", LevelRange.OF_THIS_VERSION);

  private static final Member LEADER =
      new Member("n1", "127.0.0.1:1", 1_000_000_001, "127.0.0.1:11");
  private static final PeerId LEADING = ReplicaIdentity.peerId(LEADER);

  private final List<PeerId> peers = new ArrayList<>(List.of(LEADING));
  private final List<PeerId> learners = new ArrayList<>();
  private final List<Command> proposed = new ArrayList<>();
  private final List<List<PeerId>> changes = new ArrayList<>();
  private final List<Closure> open = new ArrayList<>();
  private final StateView state = groupThatN2Joins();
  private final MembershipDriver driver = driver();

  // JRaft 1.4.1 counts a peer as caught up when it answers an entry. One that has answered before
  // JRaft began to wait is not asked again in a group that rests.
  @Test
  void sendsAnEntryWhileRaftWaitsForAVoterToCatchUp() {
    driver.look();
    driver.arrive(arrival(), new CompletableFuture<>());
    driver.arrive(arrival(), new CompletableFuture<>());
    assertEquals(List.of(List.of(LEADING, ReplicaIdentity.peerId(joining()))), changes);

    driver.look();
    assertTrue(proposed.isEmpty(), () -> "before it has waited: " + proposed);
    driver.look();
    driver.look();
    assertEquals(List.of(new Command.AdvanceTime(), new Command.AdvanceTime()), proposed);

    peers.add(ReplicaIdentity.peerId(joining()));
    proposed.clear();
    open.get(0).run(Status.OK());
    driver.look();
    driver.look();
    assertTrue(
        proposed.stream().noneMatch(Command.AdvanceTime.class::isInstance),
        () -> "with nothing to wait for: " + proposed);
  }

  private Arrival arrival() {
    return new Arrival("cluster", "group", joining(), 9, 50, false, VERSION);
  }

  private Member joining() {
    Seat seat = state.member("n2").orElseThrow();
    return new Member("n2", seat.raftAddress(), seat.joining(), seat.clientAddress());
  }

  private static StateView groupThatN2Joins() {
    var tables = new MapTables();
    var group = new BrokerState(tables);
    List<Command> commands =
        List.of(
            new Command.RecordMembers(
                List.of(new Command.Founder("n1", "127.0.0.1:1", "127.0.0.1:11", 1_000_000_001))),
            new Command.AnnounceReplica("n2", "127.0.0.1:2", "127.0.0.1:12", false),
            new Command.JoinReplica("n2", "127.0.0.1:2", "127.0.0.1:12", 9));
    int index = 0;
    for (Command command : commands) {
      var reply = group.apply(new LogEntryInfo(++index, 1, 1), Optional.empty(), command).reply();
      assertFalse(reply instanceof Reply.Rejected, reply::toString);
    }
    return new StateView(tables);
  }

  private MembershipDriver driver() {
    Plan plan = new Plan("cluster", "group", List.of(LEADER));
    var identity = new ReplicaIdentity(plan, "n1", ReplicaIdentity.Stage.JOINED);
    InvocationHandler raft =
        (proxy, method, args) ->
            switch (method.getName()) {
              case "listPeers", "listAlivePeers" -> List.copyOf(peers);
              case "listLearners", "listAliveLearners" -> List.copyOf(learners);
              case "addLearners", "removeLearners" -> {
                learners.clear();
                if (method.getName().startsWith("add")) {
                  ((List<?>) args[0]).forEach(learner -> learners.add((PeerId) learner));
                }
                ((Closure) args[1]).run(Status.OK());
                yield null;
              }
              case "changePeers" -> {
                changes.add(((Configuration) args[0]).listPeers());
                open.add((Closure) args[1]);
                yield null;
              }
              default -> throw new AssertionError("not expected: " + method);
            };
    var node =
        (Node)
            Proxy.newProxyInstance(Node.class.getClassLoader(), new Class<?>[] {Node.class}, raft);
    var leads =
        new Leadership(Leadership.Role.LEADER, 1, Optional.of("n1"), Optional.of("127.0.0.1:11"));
    var roster = new Roster(identity, state);
    var levels =
        new LevelDriver(
            VERSION,
            identity.peerId(),
            () -> node,
            state,
            () -> leads,
            proposal -> proposed.add(proposal.command()),
            Runnable::run,
            () -> 0);
    return new MembershipDriver(
        identity,
        () -> node,
        state,
        roster,
        new Successors(LEADING, () -> node, roster, () -> 0),
        () -> leads,
        proposal -> proposed.add(proposal.command()),
        () -> 50,
        levels,
        Runnable::run,
        () -> 0);
  }
}
