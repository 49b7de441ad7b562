package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership.Arrival;
import io.keelmq.broker.Membership.Standing;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.raft.MembershipPlanner.RaftGroup;
import io.keelmq.broker.raft.MembershipPlanner.Step;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries changes of members out, on the leader, step by step; a step is decided by {@link
 * MembershipPlanner} when the one before has ended. What a new leader has to know is in the log;
 * what is kept here, how far those who join are, it hears again within a second. Owned by the
 * timer.
 */
final class MembershipDriver {

  private static final Logger LOG = LoggerFactory.getLogger(MembershipDriver.class);

  /** At so many looks in a row, a second apart, a peer must be alive to count as answering. */
  private static final int LOOKS = 6;

  private final ReplicaIdentity identity;
  private final Supplier<Node> node;
  private final StateView state;
  private final Roster roster;
  private final Successors successors;
  private final Supplier<Leadership> leadership;
  private final Consumer<Proposal> proposer;
  private final LongSupplier committedIndex;
  private final LevelDriver levels;
  private final Executor timer;

  private final ReplicaWords words;
  private final Map<PeerId, Integer> looksAlive = new HashMap<>();
  private long term;
  private boolean busy;

  /** At a look, Raft was waiting for somebody who is to vote to catch up. */
  private boolean awaitedVoter;

  private boolean awaitsVoter;

  MembershipDriver(
      ReplicaIdentity identity,
      Supplier<Node> node,
      StateView state,
      Roster roster,
      Successors successors,
      Supplier<Leadership> leadership,
      Consumer<Proposal> proposer,
      LongSupplier committedIndex,
      LevelDriver levels,
      Executor timer,
      LongSupplier nanos) {
    this.identity = identity;
    this.node = node;
    this.state = state;
    this.roster = roster;
    this.successors = successors;
    this.leadership = leadership;
    this.proposer = proposer;
    this.committedIndex = committedIndex;
    this.levels = levels;
    this.timer = timer;
    this.words = new ReplicaWords(nanos);
  }

  /** See {@link io.keelmq.broker.Membership#arrive}. */
  void arrive(Arrival arrival, CompletableFuture<ProposalOutcome> done) {
    if (!leads(done)) {
      return;
    }
    String own = identity.plan().clusterId();
    if (!arrival.brokerGroup().equals(identity.plan().brokerGroup())
        || !(arrival.clusterId().isEmpty() || arrival.clusterId().equals(own))) {
      done.completeExceptionally(
          new Refused(
              Refused.Reason.IDENTITY_MISMATCH,
              "%s comes as a replica of group %s of cluster %s, this is group %s of cluster %s"
                  .formatted(
                      arrival.self().node(),
                      arrival.brokerGroup(),
                      arrival.clusterId(),
                      identity.plan().brokerGroup(),
                      own)));
      return;
    }
    Optional<Refused> level = levels.refusal(arrival);
    if (level.isPresent()) {
      done.completeExceptionally(level.get());
      return;
    }
    if (arrival.incarnation() == 0) {
      give(arrival, done);
      return;
    }
    if (state.members().isEmpty()
        ? roster.voter(arrival.self().node()).isEmpty()
        : state.member(arrival.self().node()).isEmpty()) {
      done.completeExceptionally(noMember(arrival.self().node()));
      return;
    }
    words.hear(arrival, committedIndex.getAsLong());
    done.complete(new ProposalOutcome.Applied(state.applied().index(), new Reply.Done()));
    step();
  }

  /** A refusal of somebody who asks every second must not become an entry every second. */
  private void give(Arrival arrival, CompletableFuture<ProposalOutcome> done) {
    Member self = arrival.self();
    Optional<Seat> seat = state.member(self.node());
    Optional<Member> voter = roster.voter(self.node());
    if (seat.isEmpty() && voter.isEmpty()) {
      done.completeExceptionally(noMember(self.node()));
      return;
    }
    String registered = seat.map(Seat::raftAddress).orElseGet(() -> voter.get().raftAddress());
    if (!registered.equals(self.raftAddress())) {
      done.completeExceptionally(
          new Refused(
              Refused.Reason.IDENTITY_MISMATCH,
              "%s has raft address %s in the group and comes with %s: a replica cannot move, remove it and add it anew"
                  .formatted(self.node(), registered, self.raftAddress())));
      return;
    }
    Optional<PeerId> former = voter.map(ReplicaIdentity::peerId);
    if (former.isPresent() && alive().contains(former.get())) {
      done.completeExceptionally(
          new Refused(
              Refused.Reason.PRECONDITION,
              "%s has an empty folder, but still answers as %s: if it was wiped just now this ends by itself; if two processes have this name, stop one"
                  .formatted(self.node(), former.get())));
      return;
    }
    // It has gone: its answers of before must not call off what begins now.
    former.ifPresent(looksAlive::remove);
    recorded(
        done,
        () ->
            propose(
                Optional.empty(),
                new Command.JoinReplica(
                    self.node(), self.raftAddress(), self.clientAddress(), arrival.bootId()),
                done::complete));
  }

  private Refused noMember(String node) {
    return new Refused(
        Refused.Reason.PRECONDITION,
        "%s is no member of group %s: `keelmq cluster add %s --raft HOST:PORT --client HOST:PORT` lets it join"
            .formatted(node, identity.plan().brokerGroup(), node));
  }

  /** See {@link io.keelmq.broker.Membership#change}. */
  void change(
      CommandOrigin origin,
      Command.Membership change,
      boolean force,
      CompletableFuture<ProposalOutcome> done) {
    if (!leads(done)) {
      return;
    }
    if (change instanceof Command.RetireReplica retire && !force) {
      Optional<Refused> loss = lossOfMajority(retire.node());
      if (loss.isPresent()) {
        done.completeExceptionally(loss.get());
        return;
      }
    }
    recorded(done, () -> propose(Optional.of(origin), change, done::complete));
  }

  private Optional<Refused> lossOfMajority(String leaving) {
    Optional<Member> member = roster.voter(leaving);
    if (member.isEmpty()) {
      return Optional.empty();
    }
    var address = ReplicaIdentity.peerId(member.get()).getEndpoint();
    List<PeerId> left =
        roster.voters().stream()
            .map(ReplicaIdentity::peerId)
            .filter(peer -> !peer.getEndpoint().equals(address))
            .toList();
    long alive = left.stream().filter(alive()::contains).count();
    if (left.isEmpty() || alive * 2 > left.size()) {
      return Optional.empty();
    }
    return Optional.of(
        new Refused(
            Refused.Reason.PRECONDITION,
            "without %s the group has %d voters, of which %d answer: no majority. Bring the others back first, or use --force"
                .formatted(leaving, left.size(), alive)));
  }

  /** Sees to it that the members of the beginning are in the rows, then goes on. */
  private void recorded(CompletableFuture<ProposalOutcome> done, Runnable next) {
    if (!state.members().isEmpty()) {
      next.run();
      return;
    }
    var founders = new ArrayList<Command.Founder>();
    for (Member member : identity.plan().members()) {
      founders.add(
          new Command.Founder(
              member.node(), member.raftAddress(), member.clientAddress(), member.incarnation()));
    }
    propose(
        Optional.empty(),
        new Command.RecordMembers(founders),
        outcome -> {
          if (outcome instanceof ProposalOutcome.Applied applied
              && applied.reply() instanceof Reply.Done) {
            timer.execute(next);
          } else {
            done.complete(outcome);
          }
        });
  }

  private void propose(
      Optional<CommandOrigin> origin, Command command, Consumer<ProposalOutcome> done) {
    proposer.accept(new Proposal(origin, command, List.of(), done));
  }

  private boolean leads(CompletableFuture<?> done) {
    if (leadership.get().isLeader()) {
      return true;
    }
    done.completeExceptionally(
        new Refused(Refused.Reason.NOT_LEADER, "this replica does not lead"));
    return false;
  }

  /** See {@link io.keelmq.broker.Membership#standings}. */
  void standings(CompletableFuture<List<Standing>> done) {
    if (!leads(done)) {
      return;
    }
    List<PeerId> learners = raft().map(RaftGroup::learners).orElse(List.of());
    done.complete(
        state.members().isEmpty()
            ? MemberStandings.ofFounders(roster.voters(), alive())
            : MemberStandings.of(state.members(), Set.copyOf(learners), alive(), words));
  }

  /** To be called every second. */
  void look() {
    if (leadership.get().isLeader()) {
      Set<PeerId> alive = alive();
      looksAlive.keySet().retainAll(alive);
      alive.forEach(
          peer -> looksAlive.merge(peer, 1, (looks, one) -> Math.min(looks + one, LOOKS)));
      wakeCatchUp();
    }
    step();
  }

  /**
   * JRaft hears that a peer has caught up from the answer to an entry. If the answer to its first
   * question came before JRaft began to wait, and nobody sends anything, it waits for ever: so an
   * entry is sent that changes nothing.
   */
  private void wakeCatchUp() {
    if (awaitsVoter && awaitedVoter) {
      propose(Optional.empty(), new Command.AdvanceTime(), outcome -> {});
    }
    awaitedVoter = awaitsVoter;
  }

  /** Does what can be done now; to be called when something has changed. */
  void step() {
    Leadership now = leadership.get();
    if (!now.isLeader() || now.term() != term) {
      words.clear();
      looksAlive.clear();
      term = now.isLeader() ? now.term() : 0;
    }
    if (levels.isRaising()) {
      // Who came before has to come again: the level may be too high for it now.
      words.clear();
      return;
    }
    if (!now.isLeader() || busy) {
      return;
    }
    List<Seat> seats = state.members();
    Optional<RaftGroup> raft = seats.isEmpty() ? Optional.empty() : raft();
    raft.flatMap(group -> MembershipPlanner.next(seats, group, words.heard()))
        .ifPresent(step -> take(step, raft.get()));
  }

  /** Whether Raft's configuration may be about to change. */
  boolean isChanging() {
    return busy;
  }

  private Optional<RaftGroup> raft() {
    Set<PeerId> alive = alive();
    try {
      return Optional.of(
          new RaftGroup(
              identity.peerId(),
              node.get().listPeers(),
              node.get().listLearners(),
              looksAlive.entrySet().stream()
                  .filter(entry -> entry.getValue() == LOOKS)
                  .map(Map.Entry::getKey)
                  .filter(alive::contains)
                  .toList()));
    } catch (IllegalStateException e) {
      LOG.debug("stopped leading in between", e);
      return Optional.empty();
    }
  }

  /** Whom JRaft calls alive, for a moment also one that it has just begun to try. */
  private Set<PeerId> alive() {
    try {
      Set<PeerId> alive = new HashSet<>(node.get().listAlivePeers());
      alive.addAll(node.get().listAliveLearners());
      return alive;
    } catch (IllegalStateException e) {
      LOG.debug("stopped leading in between", e);
      return Set.of();
    }
  }

  private void take(Step step, RaftGroup raft) {
    if (step instanceof Step.HandOver) {
      LOG.info("handing leadership over, because this replica is to leave the group");
      successors.handOver();
      return;
    }
    busy = true;
    if (step instanceof Step.Tell tell
        && tell.command() instanceof Command.ReplicaLeft left
        && left.incarnation() != 0) {
      LOG.warn(
          "the former incarnation of {} answers again: nobody joins in its place, incarnation={}",
          left.node(),
          left.incarnation());
    } else {
      LOG.info("members change, step={}", step);
    }
    try {
      if (step instanceof Step.AddLearner add) {
        node.get().addLearners(List.of(add.learner()), status -> ended(step, status));
      } else if (step instanceof Step.RemoveLearner remove) {
        node.get().removeLearners(List.of(remove.learner()), status -> ended(step, status));
      } else if (step instanceof Step.ChangePeers change) {
        awaitsVoter = true;
        node.get()
            .changePeers(
                new Configuration(change.peers(), raft.learners()), status -> ended(step, status));
      } else if (step instanceof Step.Tell tell) {
        propose(Optional.empty(), tell.command(), outcome -> told(tell.command(), outcome));
      }
    } catch (IllegalArgumentException | IllegalStateException e) {
      // Raft is in the middle of another change, or this replica does not lead any more.
      busy = false;
      awaitsVoter = false;
      LOG.warn("members did not change, trying again: step={} reason={}", step, e.getMessage());
    }
  }

  /** On a thread of JRaft's. */
  private void ended(Step step, Status status) {
    timer.execute(
        () -> {
          busy = false;
          awaitsVoter = false;
          if (status.isOk()) {
            step();
          } else {
            LOG.warn("members did not change, trying again: step={} status={}", step, status);
          }
        });
  }

  private void told(Command command, ProposalOutcome outcome) {
    timer.execute(
        () -> {
          busy = false;
          if (outcome instanceof ProposalOutcome.Applied) {
            if (command instanceof Command.ReplicaVotes votes) {
              beginNewTerm(votes.node());
            }
            step();
          }
        });
  }

  /**
   * JRaft starts no election timer in a learner, also not when it becomes a voter: one whose
   * process was started as a learner would wait for ever if it were the one who has to stand for
   * election. A new term starts its timer.
   */
  private void beginNewTerm(String name) {
    if (words.startedAsLearner(name)) {
      LOG.info("handing leadership over, because {} has no election timer in this term", name);
      successors.handOver();
    }
  }
}
