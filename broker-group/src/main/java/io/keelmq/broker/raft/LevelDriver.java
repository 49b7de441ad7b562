package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership.Arrival;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Raises the group's feature level, on the leader, one at a time, as decided by {@link
 * LevelPlanner}; and keeps out who does not support the level. What the others support it hears
 * anew in each leadership. Owned by the timer.
 *
 * <p>While a rise is on its way no change of members is begun, and the other way round: nobody who
 * was not asked may get the entry.
 */
final class LevelDriver {

  private static final Logger LOG = LoggerFactory.getLogger(LevelDriver.class);

  /** A word that is older may be of a process that was replaced by one of another version. */
  private static final long HEARD_MILLIS = 5_000;

  private record Word(LevelRange levels, long nanos) {}

  private final ReplicaVersion own;
  private final PeerId self;
  private final Supplier<Node> node;
  private final StateView state;
  private final Supplier<Leadership> leadership;
  private final Consumer<Proposal> proposer;
  private final Executor timer;
  private final LongSupplier nanos;

  private final Map<PeerId, Word> words = new HashMap<>();
  private long term;
  private boolean raising;

  LevelDriver(
      ReplicaVersion own,
      PeerId self,
      Supplier<Node> node,
      StateView state,
      Supplier<Leadership> leadership,
      Consumer<Proposal> proposer,
      Executor timer,
      LongSupplier nanos) {
    this.own = own;
    this.self = self;
    this.node = node;
    this.state = state;
    this.leadership = leadership;
    this.proposer = proposer;
    this.timer = timer;
    this.nanos = nanos;
  }

  /** What a replica says that it supports; it counts for some seconds. */
  void heard(PeerId peer, LevelRange levels) {
    forgetOtherTerms();
    if (term != 0) {
      words.put(peer, new Word(levels, nanos.getAsLong()));
    }
  }

  /** Whether an entry that raises the level may be on its way. */
  boolean isRaising() {
    return raising;
  }

  /** Why a replica that comes cannot be let in; empty if nothing keeps it out. */
  Optional<Refused> refusal(Arrival arrival) {
    var group = state.features();
    if (arrival.version().levels().covers(group.level())) {
      return Optional.empty();
    }
    return Optional.of(
        new Refused(
            Refused.Reason.PRECONDITION,
            "%s has %s; the group runs at level %d%s: start it with a version that supports this"
                .formatted(
                    arrival.self().node(),
                    arrival.version(),
                    group.level(),
                    group.raisedBy().isEmpty()
                        ? ""
                        : ", to which version " + group.raisedBy() + " raised it")));
  }

  /**
   * To be called every second.
   *
   * @param membersChange whether a change of members is under way
   */
  void look(boolean membersChange) {
    forgetOtherTerms();
    if (term == 0 || raising || membersChange) {
      return;
    }
    Optional<Collection<PeerId>> others = others();
    if (others.isEmpty()) {
      return;
    }
    OptionalInt next =
        LevelPlanner.next(state.features().level(), own.levels(), others.get(), lately());
    if (next.isPresent()) {
      raise(next.getAsInt());
    }
  }

  private void forgetOtherTerms() {
    Leadership now = leadership.get();
    long current = now.isLeader() ? now.term() : 0;
    if (current != term) {
      words.clear();
      term = current;
    }
  }

  private Optional<Collection<PeerId>> others() {
    try {
      List<PeerId> all = new ArrayList<>(node.get().listPeers());
      all.addAll(node.get().listLearners());
      all.remove(self);
      return Optional.of(all);
    } catch (IllegalStateException e) {
      LOG.debug("stopped leading in between", e);
      return Optional.empty();
    }
  }

  private Map<PeerId, LevelRange> lately() {
    long oldest = nanos.getAsLong() - TimeUnit.MILLISECONDS.toNanos(HEARD_MILLIS);
    var heard = new HashMap<PeerId, LevelRange>();
    words.forEach(
        (peer, word) -> {
          if (word.nanos() - oldest >= 0) {
            heard.put(peer, word.levels());
          }
        });
    return heard;
  }

  private void raise(int level) {
    LOG.info("all replicas support feature level {}: raising the group to it", level);
    raising = true;
    proposer.accept(
        new Proposal(
            Optional.empty(),
            new Command.RaiseLevel(level, own.software()),
            List.of(),
            outcome -> timer.execute(() -> ended(level, outcome)),
            OptionalLong.of(term)));
  }

  private void ended(int level, ProposalOutcome outcome) {
    raising = false;
    if (!(outcome instanceof ProposalOutcome.Applied)) {
      LOG.warn("the group was not raised to feature level {}: {}", level, outcome);
    }
  }
}
