package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.v1.Code;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ReplacementTest {

  private static final String RAFT = "h4:1";
  private static final String CLIENT = "h4:2";

  private final FakeGroup group = new FakeGroup();
  private final List<String> told = new ArrayList<>();
  private long seconds;

  /** Goes one stage on at each look; the calls in {@code lost} are carried out and not answered. */
  private static final class FakeGroup implements Replacement.Group {
    final Map<String, GroupReplica> members = new TreeMap<>();
    final Map<String, ReplicaStatus> says = new HashMap<>();
    final List<String> calls = new ArrayList<>();
    final List<String> lost = new ArrayList<>();
    boolean majorityLost;

    FakeGroup() {
      for (String node : List.of("n1", "n2", "n3")) {
        put(node, MemberStage.VOTER, "h" + node.charAt(1) + ":1");
        says.put(
            "h" + node.charAt(1) + ":2",
            ReplicaStatus.newBuilder().setNode(node).setBrokerGroup("g").setClusterId("c").build());
      }
    }

    void put(String node, MemberStage stage, String raft) {
      members.put(
          node,
          GroupReplica.newBuilder()
              .setNode(node)
              .setStage(stage)
              .setRaftAddress(raft)
              .setClientAddress(raft.replace(":1", ":2"))
              .build());
    }

    @Override
    public List<GroupReplica> members() {
      var now = List.copyOf(members.values());
      for (GroupReplica member : now) {
        switch (member.getStage()) {
          case ANNOUNCED -> put(member.getNode(), MemberStage.CATCHING_UP, member.getRaftAddress());
          case CATCHING_UP -> {
            if (!member.getStaysLearner()) {
              put(member.getNode(), MemberStage.VOTER, member.getRaftAddress());
            }
          }
          case LEAVING -> members.remove(member.getNode());
          default -> {
            // It stays.
          }
        }
      }
      return now;
    }

    private void called(String call) {
      calls.add(call);
      if (lost.remove(call)) {
        throw new OutcomeUnknown(Code.OUTCOME_UNKNOWN, "the leader died");
      }
    }

    @Override
    public void add(String node, String raftAddress, String clientAddress) {
      put(node, MemberStage.ANNOUNCED, raftAddress);
      called("add " + node);
    }

    @Override
    public void promote(String node) {
      put(node, MemberStage.VOTER, members.get(node).getRaftAddress());
      called("promote " + node);
    }

    @Override
    public void remove(String node) {
      if (majorityLost) {
        throw new RequestRejected(Code.PRECONDITION_FAILED, "no majority");
      }
      put(node, MemberStage.LEAVING, members.get(node).getRaftAddress());
      called("remove " + node);
    }

    @Override
    public Optional<ReplicaStatus> statusAt(String clientAddress) {
      return Optional.ofNullable(says.get(clientAddress));
    }
  }

  private void run() {
    new Replacement(
            group,
            new Replacement.Wish("n2", "n4", RAFT, CLIENT),
            () -> Duration.ofSeconds(seconds).toNanos(),
            () -> seconds++)
        .run(Duration.ofSeconds(20), told::add);
  }

  private String refusal() {
    return assertThrows(RequestRejected.class, this::run).getMessage();
  }

  @Test
  void addsTheNewOneAndRemovesTheOldOneWhenItVotes() {
    run();

    assertEquals(List.of("add n4", "remove n2"), group.calls);
    assertEquals(List.of("n1", "n3", "n4"), List.copyOf(group.members.keySet()));
    assertEquals("n4 votes in the place of n2", told.get(told.size() - 1));
  }

  @Test
  void changesNothingWhenItIsDone() {
    run();
    group.calls.clear();

    run();

    assertEquals(List.of(), group.calls);
  }

  @Test
  void looksAgainWhenItDoesNotKnowWhetherACallWasCarriedOut() {
    group.lost.addAll(List.of("add n4", "remove n2"));

    run();

    assertEquals(List.of("add n4", "remove n2"), group.calls);
  }

  @Test
  void goesOnFromEachPointAtWhichItMayHaveEnded() {
    for (MemberStage stage :
        List.of(
            MemberStage.ANNOUNCED,
            MemberStage.JOINING,
            MemberStage.CATCHING_UP,
            MemberStage.VOTER)) {
      var interrupted = new FakeGroup();
      interrupted.put("n4", stage == MemberStage.JOINING ? MemberStage.ANNOUNCED : stage, RAFT);
      new Replacement(
              interrupted,
              new Replacement.Wish("n2", "n4", RAFT, CLIENT),
              () -> Duration.ofSeconds(seconds).toNanos(),
              () -> seconds++)
          .run(Duration.ofSeconds(20), told::add);
      assertEquals(List.of("remove n2"), interrupted.calls);
    }
    group.put("n4", MemberStage.VOTER, RAFT);
    group.put("n2", MemberStage.LEAVING, "h2:1");

    run();

    assertEquals(List.of(), group.calls);
  }

  @Test
  void promotesOneThatWasAddedAsALearner() {
    group.members.put(
        "n4",
        GroupReplica.newBuilder()
            .setNode("n4")
            .setStage(MemberStage.CATCHING_UP)
            .setRaftAddress(RAFT)
            .setStaysLearner(true)
            .build());

    run();

    assertEquals(List.of("promote n4", "remove n2"), group.calls);
  }

  @Test
  void saysWhereItStandsWhenTheNewOneDoesNotCome() {
    group.members.put(
        "n4",
        GroupReplica.newBuilder()
            .setNode("n4")
            .setStage(MemberStage.JOINING)
            .setJoiningIncarnation(7)
            .setRaftAddress(RAFT)
            .build());
    group.says.put(CLIENT, ReplicaStatus.newBuilder().setReason("its disk is full").build());

    String message = assertThrows(Unavailable.class, this::run).getMessage();

    assertTrue(message.contains("n4 joins as incarnation 7, n2 is a member still"), message);
    assertTrue(message.contains("n4 says: its disk is full"), message);
    assertTrue(message.contains("run this again"), message);
    assertEquals(List.of(), group.calls);
  }

  @Test
  void refusesAReplicaOfAnotherClusterAndChangesNothing() {
    group.says.put(
        CLIENT,
        ReplicaStatus.newBuilder()
            .setNode("n4")
            .setRaftAddress(RAFT)
            .setBrokerGroup("g")
            .setClusterId("another")
            .build());

    assertTrue(refusal().contains("of cluster another, this is group g of cluster c"));
    group.says.put(CLIENT, group.says.get(CLIENT).toBuilder().setNode("n9").build());
    assertTrue(refusal().contains("answers n9, not n4"));

    assertEquals(List.of(), group.calls);
  }

  @Test
  void refusesWhatMakesNoSense() {
    group.put("n4", MemberStage.VOTER, "elsewhere:1");
    assertTrue(refusal().contains("at raft address elsewhere:1, not h4:1"));
    group.put("n4", MemberStage.LEAVING, RAFT);
    assertTrue(refusal().contains("n4 is being removed"));
    group.members.remove("n4");
    group.put("n2", MemberStage.LEAVING, "h2:1");
    assertTrue(refusal().contains("n2 is being removed already"));
    group.members.remove("n2");
    assertTrue(refusal().contains("n2 is no member of the group, nor is n4"));

    assertEquals(List.of(), group.calls);
  }

  @Test
  void saysHowFarItIsWhenTheGroupWouldLoseItsMajority() {
    group.majorityLost = true;

    String message = refusal();

    assertTrue(message.contains("no majority; so far: n4 votes, n2 is to go"), message);
  }
}
