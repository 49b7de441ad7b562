package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.error.RaftError;
import io.keelmq.broker.ReplicaControl.Member;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * To whom a leader hands over when nobody in particular is meant. JRaft takes whoever has most of
 * the log, and does not know that a replica whose disk stalls refuses: it raises the term, stands
 * down, and the group has no leader until somebody's election timeout ends. Those replicas say so
 * every second, and are left out. So do those whose disk failed or stalled lately; they are asked
 * when there is nobody else.
 *
 * <p>Thread-safe. Lost with the process and heard again within a second.
 */
final class Successors {

  /** Who has not said so for this long stands again, or does not run. */
  static final long HEARD_MILLIS = 3_000;

  private final PeerId self;
  private final Supplier<Node> node;
  private final Roster roster;
  private final LongSupplier nanos;
  private final Map<String, Word> notStanding = new ConcurrentHashMap<>();

  /** Guarded by this: a try that came to nothing is not repeated with the same one. */
  private int tries;

  /**
   * @param node throws {@link IllegalStateException} while there is none
   */
  Successors(PeerId self, Supplier<Node> node, Roster roster, LongSupplier nanos) {
    this.self = self;
    this.node = node;
    this.roster = roster;
    this.nanos = nanos;
  }

  /**
   * A replica of the group has said so.
   *
   * @param onProbation it takes over where nobody else would
   */
  void doesNotStand(String replica, boolean onProbation) {
    if (roster.voter(replica).isPresent()) {
      notStanding.put(replica, new Word(nanos.getAsLong(), onProbation));
    }
  }

  /** Begins to hand leadership over to whoever can take it; returns at once. */
  Status handOver() {
    return handOver(Optional.empty());
  }

  /**
   * @param to if somebody in particular is meant
   */
  Status handOver(Optional<PeerId> to) {
    Optional<PeerId> target = to.or(this::next);
    return target.isPresent()
        ? node.get().transferLeadershipTo(target.get())
        : new Status(
            RaftError.EAGAIN,
            "none of the others can take over: they do not answer, or their disks stall");
  }

  /** Empty if nobody would take it. */
  Optional<PeerId> next() {
    List<Member> others =
        roster.voters().stream()
            .filter(member -> !ReplicaIdentity.peerId(member).equals(self))
            .toList();
    if (others.stream().allMatch(member -> lately(member).isEmpty())) {
      return Optional.of(PeerId.ANY_PEER);
    }
    List<PeerId> alive = node.get().listAlivePeers();
    return oneOf(others, alive, word -> word.isEmpty())
        .or(() -> oneOf(others, alive, word -> word.map(Word::onProbation).orElse(true)));
  }

  private Optional<PeerId> oneOf(
      List<Member> others, List<PeerId> alive, Predicate<Optional<Word>> fit) {
    List<PeerId> fits =
        others.stream()
            .filter(member -> fit.test(lately(member)))
            .map(ReplicaIdentity::peerId)
            .filter(alive::contains)
            .toList();
    return fits.isEmpty() ? Optional.empty() : Optional.of(fits.get(turn(fits.size())));
  }

  private synchronized int turn(int of) {
    return Math.floorMod(tries++, of);
  }

  private Optional<Word> lately(Member member) {
    Word word = notStanding.get(member.node());
    if (word == null) {
      return Optional.empty();
    }
    if (nanos.getAsLong() - word.atNanos() < TimeUnit.MILLISECONDS.toNanos(HEARD_MILLIS)) {
      return Optional.of(word);
    }
    notStanding.remove(member.node(), word);
    return Optional.empty();
  }

  /** What a replica has said of itself, and when. */
  private record Word(long atNanos, boolean onProbation) {}
}
