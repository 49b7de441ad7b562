package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.v1.Code;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class RebuildingTest {

  private final FakeGroup group = new FakeGroup();
  private final List<String> told = new ArrayList<>();
  private long seconds;

  /** One that is rebuilt is away at one look, catches up at the next, and votes then. */
  private static final class FakeGroup implements Rebuilding.Group {
    final Map<String, Integer> incarnations = new TreeMap<>(Map.of("n1", 1, "n2", 1, "n3", 1));
    final Map<String, MemberStage> stages =
        new TreeMap<>(
            Map.of("n1", MemberStage.VOTER, "n2", MemberStage.VOTER, "n3", MemberStage.VOTER));
    final List<String> calls = new ArrayList<>();
    final List<String> lost = new ArrayList<>();
    final List<String> silent = new ArrayList<>();
    String leader = "n2";
    long term = 7;
    int refusals;
    final Map<String, String> sums = new TreeMap<>();
    final Set<String> notReady = new TreeSet<>();
    Runnable onRebuild = () -> {};

    @Override
    public List<GroupReplica> members() {
      var members =
          stages.entrySet().stream()
              .map(
                  each ->
                      GroupReplica.newBuilder()
                          .setNode(each.getKey())
                          .setStage(each.getValue())
                          .setIncarnation(incarnations.get(each.getKey()))
                          .setClientAddress(each.getKey())
                          .build())
              .toList();
      stages.replaceAll((node, stage) -> MemberStage.VOTER);
      return members;
    }

    @Override
    public Optional<ReplicaStatus> statusAt(String node) {
      if (silent.remove(node)) {
        return Optional.empty();
      }
      return Optional.of(
          ReplicaStatus.newBuilder()
              .setNode(node)
              .setRole(node.equals(leader) ? ReplicaRole.LEADER : ReplicaRole.FOLLOWER)
              .setReady(!notReady.contains(node))
              .setReason(notReady.contains(node) ? "leaving: an operator" : "")
              .setTerm(term)
              .setPeerId("h:1:" + incarnations.get(node))
              .addRowSums(
                  StateDigest.newBuilder()
                      .setIndex(9)
                      .setDigest(sums.getOrDefault(node, "of " + node)))
              .build());
    }

    @Override
    public void lead(String node) {
      calls.add("lead " + node);
      if (refusals > 0) {
        refusals--;
        throw new RequestRejected(Code.PRECONDITION_FAILED, "nobody took over");
      }
      leader = node;
      term++;
      lose("lead " + node);
    }

    @Override
    public void rebuild(String node, String peerId, String source) {
      calls.add("rebuild " + node + " " + peerId + " from " + source);
      if (!peerId.equals("h:1:" + incarnations.get(node))) {
        throw new RequestRejected(Code.PRECONDITION_FAILED, "another incarnation");
      }
      incarnations.merge(node, 1, Integer::sum);
      stages.put(node, MemberStage.CATCHING_UP);
      silent.add(node);
      sums.put(node, sums.getOrDefault(source, "of " + source));
      onRebuild.run();
      lose("rebuild " + node);
    }

    private void lose(String call) {
      if (lost.remove(call)) {
        throw new OutcomeUnknown(Code.OUTCOME_UNKNOWN, "no answer");
      }
    }
  }

  private void rebuild(String wrong, String source) {
    new Rebuilding(group, wrong, source, () -> seconds * 1_000_000_000L, () -> seconds++)
        .run(Duration.ofSeconds(60), told::add);
  }

  @Test
  void theRightOneLeadsFirst() {
    rebuild("n2", "n1");

    assertEquals(List.of("lead n1", "rebuild n2 h:1:1 from n1"), group.calls);
    assertEquals(
        List.of(
            "letting n1 lead",
            "n2 is told to come back from n1",
            "n2 comes back",
            "n2 votes, with the rows of n1"),
        told);
    assertEquals(2, group.incarnations.get("n2"));
  }

  @Test
  void whatWasNotAnsweredIsNotDoneTwice() {
    group.lost.addAll(List.of("lead n1", "rebuild n2"));

    rebuild("n2", "n1");

    assertEquals(List.of("lead n1", "rebuild n2 h:1:1 from n1"), group.calls);
  }

  @Test
  void whatPassesIsWaitedOut() {
    group.refusals = 3;

    rebuild("n2", "n1");

    assertEquals(4, group.calls.stream().filter("lead n1"::equals).count());
    assertEquals(2, group.incarnations.get("n2"));
  }

  @Test
  void oneMissingAnswerOfTheRightOneIsNoLossOfLeadership() {
    group.leader = "n1";
    group.onRebuild = () -> group.silent.add("n1");

    rebuild("n2", "n1");

    assertEquals(List.of("rebuild n2 h:1:1 from n1"), group.calls);
  }

  @Test
  void nothingIsRebuiltFromAnotherLeader() {
    group.refusals = Integer.MAX_VALUE;

    var late = assertThrows(Unavailable.class, () -> rebuild("n2", "n1"));

    assertTrue(late.getMessage().contains("letting n1 lead (nobody took over)"), late.getMessage());
    assertTrue(group.calls.stream().allMatch("lead n1"::equals), group.calls.toString());
  }

  @Test
  void ifAnotherOneLedMeanwhileTheRowsAreCompared() {
    group.leader = "n1";
    group.onRebuild =
        () -> {
          group.leader = "n3";
          group.sums.put("n2", "of n3");
        };

    var refused = assertThrows(RequestRejected.class, () -> rebuild("n2", "n1"));

    assertTrue(
        refused
            .getMessage()
            .contains("n2 has other rows than n1 still, by the sum of rows after entry 9"),
        refused.getMessage());
    group.onRebuild = () -> {};
    rebuild("n2", "n1");
    assertEquals("n2 votes, with the rows of n1", told.get(told.size() - 1));
  }

  @Test
  void whoHasTheRightRowsAlreadyIsLeftAlone() {
    group.leader = "n1";
    group.sums.put("n2", "of n1");

    rebuild("n2", "n1");

    assertEquals(List.of(), group.calls);
    assertEquals(List.of("n2 votes, with the rows of n1"), told);
  }

  @Test
  void oneThatIsOnItsWayBackIsWaitedFor() {
    group.leader = "n1";
    group.sums.put("n2", "of n1");
    group.stages.put("n2", MemberStage.CATCHING_UP);

    rebuild("n2", "n1");

    assertEquals(List.of(), group.calls);
  }

  @Test
  void refusesWhatCannotBe() {
    assertTrue(refused("n1", "n1").contains("its own rows"));
    assertTrue(refused("n9", "n1").contains("n9 is no voter of the group: its members are [n1"));
    assertTrue(refused("n1", "n9").contains("n9 is no voter"));
    group.stages.put("n2", MemberStage.CATCHING_UP);
    assertTrue(refused("n1", "n2").contains("n2 is no voter"));
    group.silent.add("n3");
    assertTrue(refused("n3", "n1").contains("n3 does not answer"));
    group.notReady.add("n1");
    assertTrue(refused("n3", "n1").contains("n1 is not ready"));
    assertTrue(refused("n3", "n1").contains("leaving: an operator"));
    assertEquals(List.of(), group.calls);
  }

  private String refused(String wrong, String source) {
    return String.valueOf(
        assertThrows(RequestRejected.class, () -> rebuild(wrong, source)).getMessage());
  }
}
