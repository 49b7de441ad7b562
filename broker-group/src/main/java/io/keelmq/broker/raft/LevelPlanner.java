package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.state.LevelRange;
import java.util.Collection;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Decides whether a group can be raised: when everybody that gets its entries, this replica, the
 * other voters and the learners, was heard to support the next level. Stateless.
 */
final class LevelPlanner {

  private LevelPlanner() {}

  /**
   * @param level the group's
   * @param others in Raft's configuration, voters and learners
   * @param heard lately, in this leadership
   * @return the level to raise the group to; empty: it stays where it is
   */
  static OptionalInt next(
      int level, LevelRange own, Collection<PeerId> others, Map<PeerId, LevelRange> heard) {
    int next = level + 1;
    boolean supported =
        own.covers(next)
            && others.stream()
                .allMatch(peer -> heard.containsKey(peer) && heard.get(peer).covers(next));
    return supported ? OptionalInt.of(next) : OptionalInt.empty();
  }
}
