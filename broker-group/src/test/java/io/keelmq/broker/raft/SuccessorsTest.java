package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.testing.MapTables;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SuccessorsTest {

  private final List<Member> members =
      IntStream.rangeClosed(1, 5)
          .mapToObj(
              i -> new Member("n" + i, "127.0.0.1:" + i, 1_000_000_000 + i, "127.0.0.1:1" + i))
          .toList();
  private final List<PeerId> alive =
      new ArrayList<>(members.stream().map(ReplicaIdentity::peerId).toList());
  private final List<PeerId> asked = new ArrayList<>();
  private long seconds;
  private final Successors successors = successors(members);

  private Successors successors(List<Member> of) {
    var identity =
        new ReplicaIdentity(new Plan("cluster", "group", of), "n1", ReplicaIdentity.Stage.JOINED);
    var node =
        (Node)
            Proxy.newProxyInstance(
                Node.class.getClassLoader(),
                new Class<?>[] {Node.class},
                (proxy, method, args) ->
                    switch (method.getName()) {
                      case "listAlivePeers" -> List.copyOf(alive);
                      case "transferLeadershipTo" -> {
                        asked.add((PeerId) args[0]);
                        yield Status.OK();
                      }
                      default -> throw new AssertionError("not expected: " + method);
                    });
    return new Successors(
        ReplicaIdentity.peerId(of.get(0)),
        () -> node,
        new Roster(identity, new StateView(new MapTables())),
        () -> seconds * 1_000_000_000);
  }

  private PeerId peer(int number) {
    return ReplicaIdentity.peerId(members.get(number - 1));
  }

  @Test
  void leavesTheChoiceToRaftWhileAllStand() {
    successors.doesNotStand("stranger", false);

    assertTrue(successors.handOver().isOk());

    assertEquals(List.of(PeerId.ANY_PEER), asked);
  }

  @Test
  void passesOverThoseThatDoNotStandAndThoseThatDoNotAnswer() {
    successors.doesNotStand("n2", false);
    alive.remove(peer(4));

    for (int i = 0; i < 3; i++) {
      assertTrue(successors.handOver().isOk());
    }

    assertEquals(List.of(peer(3), peer(5), peer(3)), asked);
  }

  @Test
  void asksNobodyWhileNobodyStandsUnlessSomebodyInParticularIsMeant() {
    members.forEach(member -> successors.doesNotStand(member.node(), false));

    assertFalse(successors.handOver().isOk());
    assertTrue(successors.handOver(Optional.of(peer(2))).isOk());

    assertEquals(List.of(peer(2)), asked);
  }

  @Test
  void asksThoseOnProbationOnlyWhenThereIsNobodyElse() {
    successors.doesNotStand("n2", true);
    successors.doesNotStand("n3", true);
    successors.doesNotStand("n4", false);

    assertTrue(successors.handOver().isOk());
    assertEquals(List.of(peer(5)), asked);

    alive.remove(peer(5));
    assertTrue(successors.handOver().isOk());
    assertTrue(successors.handOver().isOk());
    assertEquals(List.of(peer(5), peer(3), peer(2)), asked);
  }

  @Test
  void forgetsWhoHasNotSaidSoForSomeSeconds() {
    successors.doesNotStand("n2", false);

    seconds = 3;

    assertTrue(successors.handOver().isOk());
    assertEquals(List.of(PeerId.ANY_PEER), asked);
  }
}
