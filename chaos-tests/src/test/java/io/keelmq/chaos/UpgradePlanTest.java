package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.UpgradePlan.Move;
import io.keelmq.chaos.UpgradePlan.Side;
import io.keelmq.local.Node;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class UpgradePlanTest {

  private static final List<Node> NODES =
      List.of(
          node("ns1", Node.Role.NAME_SERVER),
          node("ns2", Node.Role.NAME_SERVER),
          node("n1", Node.Role.BROKER),
          node("n2", Node.Role.BROKER),
          node("n3", Node.Role.BROKER));

  @Test
  void bringsEveryNodeToTheNewReleaseAndOneBrokerBackInBetween() {
    Set<UpgradePlan> all = new HashSet<>();
    for (int seed = 0; seed < 200; seed++) {
      var plan = UpgradePlan.draw(NODES, new Random(seed));
      int last = plan.moves().size();

      assertEquals(NODES.size() + 2, last, () -> plan.toString());
      assertFalse(plan.after(last).containsValue(Side.OLD), () -> plan.toString());
      assertEquals(
          1, plan.moves().stream().filter(move -> move.to() == Side.OLD).count(), plan::toString);
      for (int i = 0; i < last; i++) {
        Move move = plan.moves().get(i);
        assertEquals(move.to().other(), plan.after(i).get(move.node()), plan::toString);
      }
      all.add(plan);
    }
    assertTrue(all.size() > 100, "different ones for different seeds");
  }

  @Test
  void goesBackOnlyWhileABrokerOfTheOldReleaseIsThereAndIsMixedThreeTimes() {
    for (int seed = 0; seed < 200; seed++) {
      var plan = UpgradePlan.draw(NODES, new Random(seed));
      int mixed = 0;
      for (int i = 0; i < plan.moves().size(); i++) {
        Move move = plan.moves().get(i);
        if (move.to() == Side.OLD) {
          assertFalse(plan.brokersAfter(i).get(Side.OLD).isEmpty(), plan::toString);
          assertTrue(move.node().isBroker());
        }
        var brokers = plan.brokersAfter(i + 1);
        boolean both = !brokers.get(Side.OLD).isEmpty() && !brokers.get(Side.NEW).isEmpty();
        mixed += move.node().isBroker() && both ? 1 : 0;
      }
      // Each release leads at least once.
      assertTrue(mixed >= 3, plan::toString);
    }
  }

  private static Node node(String id, Node.Role role) {
    return new Node(id, role, 1, 1, 1);
  }
}
