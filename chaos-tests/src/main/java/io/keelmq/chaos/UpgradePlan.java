package io.keelmq.chaos;

import io.keelmq.local.Node;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * In which order the nodes of a cluster are replaced by those of another release. Immutable.
 *
 * <p>Every node goes to the new release once, in a drawn order; in between, while brokers of both
 * are there, one broker goes back, and later on again.
 */
record UpgradePlan(List<Move> moves) {

  /** Which of the two releases. */
  enum Side {
    OLD,
    NEW;

    Side other() {
      return this == OLD ? NEW : OLD;
    }
  }

  /** One node is stopped, and started from that release. */
  record Move(Node node, Side to) {}

  UpgradePlan {
    moves = List.copyOf(moves);
  }

  /**
   * Draws one.
   *
   * @param nodes all of the cluster, three brokers or more among them
   */
  static UpgradePlan draw(List<Node> nodes, Random random) {
    var order = new ArrayList<>(nodes);
    Collections.shuffle(order, random);
    List<Node> brokers = order.stream().filter(Node::isBroker).toList();
    // At least one is still of the old release, or the group would be raised before.
    int replaced = 1 + random.nextInt(brokers.size() - 1);
    int at = order.indexOf(brokers.get(replaced - 1)) + 1;
    Node back = brokers.get(random.nextInt(replaced));
    var moves = new ArrayList<Move>();
    order.forEach(node -> moves.add(new Move(node, Side.NEW)));
    moves.add(at, new Move(back, Side.OLD));
    int again = at + 1 + random.nextInt(moves.size() - at);
    moves.add(again, new Move(back, Side.NEW));
    return new UpgradePlan(moves);
  }

  /** Of which release each node is after that many moves. */
  Map<Node, Side> after(int count) {
    Map<Node, Side> sides = new HashMap<>();
    moves.forEach(move -> sides.put(move.node(), Side.OLD));
    moves.subList(0, count).forEach(move -> sides.put(move.node(), move.to()));
    return sides;
  }

  /** The brokers of each release after that many moves; both have a list. */
  Map<Side, List<Node>> brokersAfter(int count) {
    Map<Side, List<Node>> brokers = new EnumMap<>(Side.class);
    brokers.put(Side.OLD, new ArrayList<>());
    brokers.put(Side.NEW, new ArrayList<>());
    after(count)
        .forEach(
            (node, side) -> {
              if (node.isBroker()) {
                brokers.get(side).add(node);
              }
            });
    // A map of nodes has no order, and what is drawn of them shall be the seed's.
    brokers.values().forEach(list -> list.sort((a, b) -> a.id().compareTo(b.id())));
    return brokers;
  }
}
