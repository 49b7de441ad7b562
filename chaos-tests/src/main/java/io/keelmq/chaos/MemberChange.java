package io.keelmq.chaos;

import io.keelmq.client.Admin;
import io.keelmq.client.KeelException;
import io.keelmq.client.RequestRejected;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalReplacement;
import io.keelmq.local.Node;
import io.keelmq.local.Waiting;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import java.time.Duration;
import java.util.Optional;

/**
 * One change of a group's members as an operator makes it: by a command that may be ended at any
 * point and given again, until it is done. For one thread at a time.
 */
final class MemberChange {

  static final String GROUP = "g0";

  private static final Duration GRACEFUL = Duration.ofSeconds(10);

  /** What is changed. */
  enum Kind {
    /** One more voter. */
    ADD,
    /** One more learner, which is then told to vote. */
    PROMOTE,
    REMOVE,
    REPLACE;

    boolean brings() {
      return this != REMOVE;
    }

    boolean takes() {
      return this == REMOVE || this == REPLACE;
    }
  }

  private final Kind kind;
  private final LocalCluster cluster;
  private final Admin admin;
  private final Optional<Node> leaving;
  private volatile Optional<Node> coming = Optional.empty();

  /**
   * @param leaving of a change that takes somebody out
   */
  MemberChange(Kind kind, LocalCluster cluster, Admin admin, Optional<Node> leaving) {
    this.kind = kind;
    this.cluster = cluster;
    this.admin = admin;
    this.leaving = leaving;
  }

  Kind kind() {
    return kind;
  }

  Optional<Node> leaving() {
    return leaving;
  }

  /** Who is brought; empty before the command has made it. */
  Optional<Node> coming() {
    return coming;
  }

  /** Whether the one that comes is at this stage now; of LEAVING, the one that goes. */
  boolean isAt(MemberStage stage) {
    try {
      Optional<Node> node = stage == MemberStage.LEAVING ? leaving : coming;
      return node.flatMap(this::member).filter(one -> one.getStage() == stage).isPresent();
    } catch (KeelException e) {
      return false;
    }
  }

  /**
   * Gives the command.
   *
   * @return what it came to; empty: it is done
   */
  Optional<String> command(Duration limit) {
    try {
      switch (kind) {
        case ADD, PROMOTE -> bring(limit);
        case REMOVE -> take(limit);
        case REPLACE ->
            new LocalReplacement(cluster, admin, GROUP)
                .run(
                    leaving.orElseThrow(),
                    limit,
                    node -> coming = Optional.of(node),
                    progress -> {});
      }
      return Optional.empty();
    } catch (KeelException | ClusterFailure e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Gives it again and again; what is refused may not be a moment later.
   *
   * @return why it was not done the last time; empty: it is done
   */
  Optional<String> commandUntilDone(Duration deadline) {
    long end = System.nanoTime() + deadline.toNanos();
    while (true) {
      Optional<String> outcome = command(deadline);
      if (outcome.isEmpty() || System.nanoTime() - end > 0) {
        return outcome;
      }
      Waiting.until(Duration.ofMillis(500), () -> false);
    }
  }

  private void bring(Duration limit) {
    Node node = coming.orElseGet(cluster::addNode);
    coming = Optional.of(node);
    if (!cluster.isRunning(node)) {
      cluster.startNode(node);
    }
    await(
        limit,
        () -> {
          Optional<GroupReplica> now = member(node);
          if (now.isEmpty()) {
            boolean asLearner = kind == Kind.PROMOTE;
            admin.addReplica(
                GROUP, node.id(), node.raft().toString(), node.client().toString(), asLearner);
          } else if (now.get().getStaysLearner() && now.get().getDurableIndex() > 0) {
            admin.promoteReplica(GROUP, node.id());
          }
          return now.filter(one -> one.getStage() == MemberStage.VOTER).isPresent();
        });
  }

  private void take(Duration limit) {
    Node node = leaving.orElseThrow();
    await(
        limit,
        () -> {
          Optional<GroupReplica> now = member(node);
          if (now.filter(one -> one.getStage() != MemberStage.LEAVING).isPresent()) {
            admin.removeReplica(GROUP, node.id(), false);
          }
          return now.isEmpty();
        });
    if (cluster.brokers().contains(node)) {
      cluster.removeNode(node, GRACEFUL);
    }
  }

  private Optional<GroupReplica> member(Node node) {
    return admin.replicas(GROUP).stream()
        .filter(one -> one.getNode().equals(node.id()))
        .findFirst();
  }

  private interface Look {
    boolean done();
  }

  private void await(Duration limit, Look look) {
    boolean done =
        Waiting.until(
            limit,
            () -> {
              try {
                return look.done();
              } catch (RequestRejected e) {
                throw e;
              } catch (KeelException e) {
                // Nobody leads for a moment.
                return false;
              }
            });
    if (!done) {
      throw new ClusterFailure(ClusterFailure.Kind.UNAVAILABLE, kind + " is not done in " + limit);
    }
  }
}
