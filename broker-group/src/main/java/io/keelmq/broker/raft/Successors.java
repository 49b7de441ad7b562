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
import java.util.function.Supplier;

/**
 * To whom a leader hands over when nobody in particular is meant. JRaft takes whoever has most of
 * the log, and does not know that a replica whose disk failed or stalled lately refuses: it raises
 * the term, stands down, and the group has no leader until somebody's election timeout ends. Those
 * replicas say so every second, and are left out.
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
  private final Map<String, Long> notStanding = new ConcurrentHashMap<>();

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

  /** A replica of the group has said so. */
  void doesNotStand(String replica) {
    if (roster.voter(replica).isPresent()) {
      notStanding.put(replica, nanos.getAsLong());
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
            "none of the others stands for election: their disks failed or stalled lately");
  }

  /** Empty if nobody would take it. */
  Optional<PeerId> next() {
    List<Member> others =
        roster.voters().stream()
            .filter(member -> !ReplicaIdentity.peerId(member).equals(self))
            .toList();
    List<PeerId> willing =
        others.stream()
            .filter(member -> !saidLately(member.node()))
            .map(ReplicaIdentity::peerId)
            .toList();
    if (willing.size() == others.size()) {
      return Optional.of(PeerId.ANY_PEER);
    }
    List<PeerId> alive = willing.stream().filter(node.get().listAlivePeers()::contains).toList();
    return alive.isEmpty() ? Optional.empty() : Optional.of(alive.get(turn(alive.size())));
  }

  private synchronized int turn(int of) {
    return Math.floorMod(tries++, of);
  }

  private boolean saidLately(String replica) {
    Long at = notStanding.get(replica);
    if (at == null) {
      return false;
    }
    boolean lately = nanos.getAsLong() - at < TimeUnit.MILLISECONDS.toNanos(HEARD_MILLIS);
    if (!lately) {
      notStanding.remove(replica, at);
    }
    return lately;
  }
}
