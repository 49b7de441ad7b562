package io.keelmq.broker.raft;

import io.keelmq.broker.Membership.Arrival;
import io.keelmq.broker.raft.MembershipPlanner.Heard;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What replicas that join have told this leader last, and what follows from it: whether one keeps
 * up. Lost with leadership, and heard again within a second. Owned by the timer.
 */
final class ReplicaWords {

  /** Who has said nothing for so long does not run, or does not reach us. */
  private static final long HEARD_MILLIS = 5_000;

  /**
   * @param targetIndex what was committed then: with this much on disk the next time, it keeps up
   */
  private record Word(
      int incarnation,
      long durableIndex,
      long targetIndex,
      boolean caughtUp,
      boolean startedAsLearner,
      long nanos) {}

  private final LongSupplier nanos;
  private final Map<String, Word> words = new HashMap<>();

  ReplicaWords(LongSupplier nanos) {
    this.nanos = nanos;
  }

  void clear() {
    words.clear();
  }

  void hear(Arrival arrival, long committedIndex) {
    Word before = words.get(arrival.self().node());
    boolean same = before != null && before.incarnation() == arrival.incarnation();
    boolean caughtUp =
        same && before.targetIndex() > 0 && arrival.durableIndex() >= before.targetIndex();
    words.put(
        arrival.self().node(),
        new Word(
            arrival.incarnation(),
            arrival.durableIndex(),
            committedIndex,
            caughtUp,
            arrival.startedAsLearner(),
            nanos.getAsLong()));
  }

  /** Of those who spoke lately, by node. */
  Map<String, Heard> heard() {
    long oldest = nanos.getAsLong() - TimeUnit.MILLISECONDS.toNanos(HEARD_MILLIS);
    var heard = new HashMap<String, Heard>();
    words.forEach(
        (name, word) -> {
          if (word.nanos() - oldest >= 0) {
            heard.put(name, new Heard(word.incarnation(), word.caughtUp()));
          }
        });
    return heard;
  }

  /** 0 if nothing was heard of this incarnation. */
  long durableIndex(String node, int incarnation) {
    return Optional.ofNullable(words.get(node))
        .filter(word -> word.incarnation() == incarnation)
        .map(Word::durableIndex)
        .orElse(0L);
  }

  boolean startedAsLearner(String node) {
    return Optional.ofNullable(words.get(node)).filter(Word::startedAsLearner).isPresent();
  }
}
