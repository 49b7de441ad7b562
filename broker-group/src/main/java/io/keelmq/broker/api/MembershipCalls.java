package io.keelmq.broker.api;

import io.keelmq.broker.Membership;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.common.HostPort;
import io.keelmq.v1.AddReplicaRequest;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.JoinReplicaRequest;
import io.keelmq.v1.JoinReplicaResponse;
import io.keelmq.v1.ListReplicasResponse;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.Origin;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;

/** The calls about a group's members, carried out at the leader. Stateless but for its port. */
final class MembershipCalls {

  private final Membership membership;

  MembershipCalls(Membership membership) {
    this.membership = membership;
  }

  static Optional<Refusal> check(JoinReplicaRequest request) {
    return request.getNode().isEmpty() || request.getRaftAddress().isEmpty()
        ? Optional.of(Refusal.invalid("a replica that joins has to name its node and raft address"))
        : request.getIncarnation() < 0
            ? Optional.of(Refusal.invalid("incarnation " + request.getIncarnation()))
            : Optional.empty();
  }

  HeldCall.AtLeader<JoinReplicaResponse> join(JoinReplicaRequest request) {
    var arrival =
        new Membership.Arrival(
            request.getClusterId(),
            request.getBrokerGroup(),
            new Member(
                request.getNode(),
                request.getRaftAddress(),
                request.getIncarnation(),
                request.getClientAddress()),
            request.getBootId(),
            request.getDurableIndex(),
            request.getStartedAsLearner(),
            new ReplicaVersion(
                request.getSoftwareVersion().isEmpty()
                    ? "of before there were feature levels"
                    : request.getSoftwareVersion(),
                LevelRange.told(request.getFeatureLevelLeast(), request.getFeatureLevelMost())));
    return done ->
        membership
            .arrive(arrival)
            .whenComplete(
                (outcome, failure) ->
                    done.accept(
                        failure != null
                            ? failed(failure)
                            : HeldCall.answer(outcome, reply -> placed(arrival))));
  }

  private HeldCall.Answer<JoinReplicaResponse> placed(Membership.Arrival arrival) {
    try {
      Membership.Place place = membership.place(arrival);
      return new HeldCall.Answer.Final<>(
          JoinReplicaResponse.newBuilder()
              .setPlan(ReplicaCalls.plan(place.plan()))
              .setIncarnation(place.incarnation())
              .build());
    } catch (Refused refused) {
      return new HeldCall.Answer.Refused<>(ReplicaCalls.refusal(refused));
    }
  }

  static Optional<Refusal> check(AddReplicaRequest request) {
    return address("raft", request.getRaftAddress())
        .or(() -> address("client", request.getClientAddress()))
        .or(() -> node(request.getNode()));
  }

  private static Optional<Refusal> address(String what, String address) {
    try {
      return HostPort.parse(address).port() > 0
          ? Optional.empty()
          : Optional.of(Refusal.invalid(what + " address " + address + " has no port"));
    } catch (IllegalArgumentException e) {
      return Optional.of(Refusal.invalid(what + " address: " + e.getMessage()));
    }
  }

  static Optional<Refusal> node(String node) {
    return node.matches("[a-zA-Z0-9_-]{1,63}")
        ? Optional.empty()
        : Optional.of(
            Refusal.invalid("node \"" + node + "\": expected 1 to 63 letters, digits, - and _"));
  }

  <R> HeldCall.AtLeader<R> change(
      Origin origin, Command.Membership change, boolean force, R response) {
    return done ->
        membership
            .change(new CommandOrigin(origin.getId(), origin.getSequence()), change, force)
            .whenComplete(
                (outcome, failure) ->
                    done.accept(
                        failure != null
                            ? failed(failure)
                            : HeldCall.answer(
                                outcome, reply -> new HeldCall.Answer.Final<>(response))));
  }

  HeldCall.AtLeader<ListReplicasResponse> list() {
    return done ->
        membership
            .standings()
            .whenComplete(
                (standings, failure) ->
                    done.accept(
                        failure != null
                            ? failed(failure)
                            : new HeldCall.Answer.Final<>(listed(standings))));
  }

  private static ListReplicasResponse listed(List<Membership.Standing> standings) {
    var response = ListReplicasResponse.newBuilder();
    for (Membership.Standing each : standings) {
      response.addReplicas(
          GroupReplica.newBuilder()
              .setNode(each.member().node())
              .setStage(stage(each.phase()))
              .setRaftAddress(each.member().raftAddress())
              .setClientAddress(each.member().clientAddress())
              .setIncarnation(each.member().incarnation())
              .setJoiningIncarnation(each.joiningIncarnation())
              .setAlive(each.alive())
              .setDurableIndex(each.durableIndex())
              .setStaysLearner(each.staysLearner()));
    }
    return response.build();
  }

  private static MemberStage stage(Membership.Phase phase) {
    return switch (phase) {
      case VOTER -> MemberStage.VOTER;
      case ANNOUNCED -> MemberStage.ANNOUNCED;
      case JOINING -> MemberStage.JOINING;
      case CATCHING_UP -> MemberStage.CATCHING_UP;
      case LEAVING -> MemberStage.LEAVING;
    };
  }

  private static <R> HeldCall.Answer<R> failed(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (!(cause instanceof Refused refused)) {
      return new HeldCall.Answer.Refused<>(Refusal.internal(cause));
    }
    return refused.reason() == Refused.Reason.NOT_LEADER
        ? new HeldCall.Answer.NotDone<>(Refusal.noLeader(refused.getMessage()))
        : new HeldCall.Answer.Refused<>(ReplicaCalls.refusal(refused));
  }
}
