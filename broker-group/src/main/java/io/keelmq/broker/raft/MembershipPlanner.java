package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.util.Endpoint;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.common.HostPort;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Decides the next step from what the group wants, which is in the state's rows, and what Raft's
 * configuration is. It remembers nothing: whoever leads decides the same, so a change that one
 * leader began is ended by the next. Stateless.
 *
 * <p>The way of a replica that joins: learner, until it has what was committed a while ago; then no
 * learner, because Raft takes nobody from learner to voter at once; then voter, in one change in
 * the place of its former incarnation; then the rows say so.
 */
final class MembershipPlanner {

  /**
   * Raft's configuration at the leader.
   *
   * @param answering those that have answered for a while. Not those that JRaft calls alive: it
   *     does that for a moment whenever it tries a peer anew, as when a new incarnation has opened
   *     the port of the one before
   */
  record RaftGroup(
      PeerId leader, List<PeerId> peers, List<PeerId> learners, List<PeerId> answering) {
    RaftGroup {
      peers = List.copyOf(peers);
      learners = List.copyOf(learners);
      answering = List.copyOf(answering);
    }
  }

  /** What was heard lately from a replica, by the incarnation under which it runs. */
  record Heard(int incarnation, boolean caughtUp) {}

  /** What to do next. */
  sealed interface Step {
    record AddLearner(PeerId learner) implements Step {}

    record RemoveLearner(PeerId learner) implements Step {}

    record ChangePeers(List<PeerId> peers) implements Step {
      public ChangePeers {
        peers = List.copyOf(peers);
      }
    }

    /** Puts into the rows what Raft's configuration has become. */
    record Tell(Command command) implements Step {}

    /** The leader itself has to go. */
    record HandOver() implements Step {}
  }

  private MembershipPlanner() {}

  /** The next step; empty if all is as it should be or somebody has to be waited for. */
  static Optional<Step> next(List<Seat> seats, RaftGroup raft, Map<String, Heard> heard) {
    for (Seat seat : seats) {
      Optional<Step> step =
          seat.leaving()
              ? leave(seat, raft)
              : seat.joining() == 0
                  ? strayLearner(seat, raft)
                  : join(seat, raft, Optional.ofNullable(heard.get(seat.node())));
      if (step.isPresent()) {
        return step;
      }
    }
    return Optional.empty();
  }

  private static Optional<Step> leave(Seat seat, RaftGroup raft) {
    Endpoint address = endpoint(seat);
    for (PeerId learner : raft.learners()) {
      if (learner.getEndpoint().equals(address)) {
        return Optional.of(new Step.RemoveLearner(learner));
      }
    }
    if (raft.peers().stream().noneMatch(peer -> peer.getEndpoint().equals(address))) {
      return Optional.of(new Step.Tell(new Command.ReplicaLeft(seat.node(), 0)));
    }
    List<PeerId> left =
        raft.peers().stream().filter(peer -> !peer.getEndpoint().equals(address)).toList();
    if (left.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        raft.leader().getEndpoint().equals(address)
            ? new Step.HandOver()
            : new Step.ChangePeers(left));
  }

  private static Optional<Step> join(Seat seat, RaftGroup raft, Optional<Heard> heard) {
    PeerId joining = peer(seat, seat.joining());
    if (raft.peers().contains(joining)) {
      return Optional.of(new Step.Tell(new Command.ReplicaVotes(seat.node(), seat.joining())));
    }
    Optional<Step> stray = strayLearner(seat, raft);
    if (stray.isPresent()) {
      return stray;
    }
    boolean isLearner = raft.learners().contains(joining);
    if (heard.filter(said -> said.incarnation() == seat.joining()).isEmpty()) {
      return cancelled(seat, raft, joining, isLearner);
    }
    if (!heard.get().caughtUp() || seat.staysLearner()) {
      return isLearner ? Optional.empty() : Optional.of(new Step.AddLearner(joining));
    }
    if (isLearner) {
      return Optional.of(new Step.RemoveLearner(joining));
    }
    var peers = new ArrayList<PeerId>();
    Endpoint address = endpoint(seat);
    raft.peers().stream().filter(peer -> !peer.getEndpoint().equals(address)).forEach(peers::add);
    peers.add(joining);
    return Optional.of(new Step.ChangePeers(peers));
  }

  /** The node's former self, which votes, has come back: then nobody joins in its place. */
  private static Optional<Step> cancelled(
      Seat seat, RaftGroup raft, PeerId joining, boolean isLearner) {
    if (seat.voting() == 0 || !raft.answering().contains(peer(seat, seat.voting()))) {
      return Optional.empty();
    }
    return Optional.of(
        isLearner
            ? new Step.RemoveLearner(joining)
            : new Step.Tell(new Command.ReplicaLeft(seat.node(), seat.joining())));
  }

  /** An incarnation that joined once and was replaced before it voted. */
  private static Optional<Step> strayLearner(Seat seat, RaftGroup raft) {
    Endpoint address = endpoint(seat);
    return raft.learners().stream()
        .filter(learner -> learner.getEndpoint().equals(address))
        .filter(learner -> learner.getIdx() != seat.joining())
        .findFirst()
        .map(Step.RemoveLearner::new);
  }

  static PeerId peer(Seat seat, int incarnation) {
    var address = HostPort.parse(seat.raftAddress());
    return new PeerId(address.host(), address.port(), incarnation);
  }

  private static Endpoint endpoint(Seat seat) {
    return peer(seat, 0).getEndpoint();
  }
}
