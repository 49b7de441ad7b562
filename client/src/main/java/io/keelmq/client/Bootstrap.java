package io.keelmq.client;

import io.grpc.MethodDescriptor;
import io.keelmq.common.Durations;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.Code;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.ReplicaPlan;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StartReplicaRequest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * `cluster init`: makes a group out of empty replicas, in two steps, so that a failure between them
 * can be gone on from. What was decided lives in the replicas that are prepared; this keeps
 * nothing. For one thread.
 */
final class Bootstrap {

  static final int FIRST_INCARNATION = 1_000_000_000;

  /** The group gives higher ones to replicas that come later: there have to be some left. */
  static final int LAST_INCARNATION = 2_000_000_000;

  private static final SecureRandom RANDOM = new SecureRandom();

  private final ClientCore core;
  private final String group;
  private final int replicas;

  Bootstrap(ClientCore core, String group, int replicas) {
    if (replicas != 1 && replicas != 3 && replicas != 5) {
      throw new IllegalArgumentException("replicas " + replicas + ": expected 1, 3 or 5");
    }
    this.core = core;
    this.group = group;
    this.replicas = replicas;
  }

  InitResult run(Duration timeout) {
    long deadlineNanos = core.loop().nanoTime() + timeout.toNanos();
    if (!core.routes().await(this::isWhole, timeout)) {
      long found = core.routes().table().group(group).map(this::reported).orElse(0L);
      throw new Unavailable(
          Code.NOT_INITIALIZED,
          "group %s: %d of %d replicas are reported after %s; start the others and run it again. %s"
              .formatted(
                  group,
                  found,
                  replicas,
                  Durations.text(timeout),
                  found == 0 ? core.routes().problem() : ""));
    }
    List<ReplicaRoute> members = members();
    Map<ReplicaRoute, ReplicaStatus> statuses = new LinkedHashMap<>();
    onAll(
            members,
            AdminGrpc.getGetReplicaStatusMethod(),
            GetReplicaStatusRequest.getDefaultInstance(),
            deadlineNanos)
        .forEach(statuses::put);
    ReplicaPlan written = writtenPlan(statuses);
    List<ReplicaRoute> empty =
        members.stream().filter(member -> !statuses.get(member).hasPlan()).toList();
    List<ReplicaRoute> idle =
        members.stream()
            .filter(member -> statuses.get(member).getRole() == ReplicaRole.UNINITIALIZED)
            .toList();
    if (idle.isEmpty()) {
      return new InitResult(written, true, false);
    }
    boolean someStarted = idle.size() < members.size();
    if (someStarted && !empty.isEmpty()) {
      throw new RequestRejected(
          Code.PRECONDITION_FAILED,
          "group %s runs, and %s has an empty data folder: it joins by itself if it is a member, else `keelmq cluster add` lets it"
              .formatted(group, empty.get(0).getNode()));
    }
    ReplicaPlan plan = written != null ? written : newPlan(members);
    checkMembers(plan, members);
    onAll(empty, AdminGrpc.getPrepareReplicaMethod(), plan, deadlineNanos);
    onAll(
        idle,
        AdminGrpc.getStartReplicaMethod(),
        StartReplicaRequest.newBuilder().setClusterId(plan.getClusterId()).build(),
        deadlineNanos);
    return new InitResult(plan, false, written != null);
  }

  private boolean isWhole(RouteTable table) {
    return table.group(group).map(this::reported).orElse(0L) >= replicas;
  }

  private long reported(BrokerGroupRoute route) {
    return route.getReplicasList().stream()
        .filter(replica -> !replica.getClientAddress().isEmpty())
        .count();
  }

  private List<ReplicaRoute> members() {
    List<ReplicaRoute> members =
        core.routes().table().group(group).orElseThrow().getReplicasList().stream()
            .sorted(Comparator.comparing(ReplicaRoute::getNode))
            .toList();
    if (members.size() > replicas) {
      throw new RequestRejected(
          Code.PRECONDITION_FAILED,
          "group %s has %d replicas, expected %d; stop the others or name their number"
              .formatted(group, members.size(), replicas));
    }
    return members;
  }

  /** The plan of the replicas that have one; null when none has. */
  private ReplicaPlan writtenPlan(Map<ReplicaRoute, ReplicaStatus> statuses) {
    ReplicaPlan found = null;
    for (Map.Entry<ReplicaRoute, ReplicaStatus> each : statuses.entrySet()) {
      if (each.getValue().hasPlan()) {
        ReplicaPlan plan = each.getValue().getPlan();
        // Those that joined later know the group as it was then.
        if (found != null && !found.getClusterId().equals(plan.getClusterId())) {
          throw new RequestRejected(
              Code.PRECONDITION_FAILED,
              "group %s: %s was prepared for cluster %s, another replica for %s; wipe those that never held data"
                  .formatted(
                      group, each.getKey().getNode(), plan.getClusterId(), found.getClusterId()));
        }
        found = plan;
      }
    }
    return found;
  }

  private void checkMembers(ReplicaPlan plan, List<ReplicaRoute> members) {
    for (ReplicaRoute member : members) {
      boolean planned =
          plan.getMembersList().stream()
              .anyMatch(
                  each ->
                      each.getNode().equals(member.getNode())
                          && each.getRaftAddress().equals(member.getRaftAddress()));
      if (!planned) {
        throw new RequestRejected(
            Code.IDENTITY_MISMATCH,
            "group %s was prepared without %s at %s; start the replicas that it was prepared with"
                .formatted(group, member.getNode(), member.getRaftAddress()));
      }
    }
  }

  private ReplicaPlan newPlan(List<ReplicaRoute> members) {
    var plan = ReplicaPlan.newBuilder().setClusterId(ProducerIds.random()).setBrokerGroup(group);
    for (ReplicaRoute member : members) {
      plan.addMembers(
          ReplicaPlan.Member.newBuilder()
              .setNode(member.getNode())
              .setRaftAddress(member.getRaftAddress())
              .setClientAddress(member.getClientAddress())
              .setIncarnation(
                  FIRST_INCARNATION + RANDOM.nextInt(LAST_INCARNATION - FIRST_INCARNATION)));
    }
    return plan.build();
  }

  /** Calls all at once; repeats of these calls are harmless, a failure says whose it was. */
  private <Q, R> Map<ReplicaRoute, R> onAll(
      List<ReplicaRoute> members, MethodDescriptor<Q, R> method, Q request, long deadlineNanos) {
    long left = Math.max(1_000_000, deadlineNanos - core.loop().nanoTime());
    Duration timeout = Duration.ofNanos(left);
    var calls = new ArrayList<CompletableFuture<R>>();
    for (ReplicaRoute member : members) {
      calls.add(core.calls().callAt(member.getClientAddress(), method, request, timeout));
    }
    Map<ReplicaRoute, R> answers = new LinkedHashMap<>();
    for (int i = 0; i < members.size(); i++) {
      try {
        answers.put(members.get(i), core.calls().join(calls.get(i), timeout));
      } catch (OutcomeUnknown | Unavailable e) {
        throw new Unavailable(
            e.code(),
            "%s at %s does not answer %s; run it again to go on: %s"
                .formatted(
                    members.get(i).getNode(),
                    members.get(i).getClientAddress(),
                    method.getBareMethodName(),
                    e.getMessage()),
            e);
      }
    }
    return answers;
  }
}
