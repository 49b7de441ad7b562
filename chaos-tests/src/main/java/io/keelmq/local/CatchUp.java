package io.keelmq.local;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import io.keelmq.client.Unavailable;
import io.keelmq.local.ClusterFailure.Kind;
import java.time.Duration;
import java.util.List;

/**
 * Whether a broker that came back has what its group had stored by then: only after that may the
 * next one go, or what is acknowledged meanwhile would be on too few of those that run. Owned by
 * one thread.
 */
public final class CatchUp {

  /** Awaits brokers; in tests without a group behind the programs, nothing. */
  @FunctionalInterface
  public interface Awaiting {
    /**
     * Returns when the node has applied what was committed when this was called.
     *
     * @throws ClusterFailure if it has not by then
     */
    void await(Node node, Duration deadline);
  }

  private final KeelClient client;

  public CatchUp(KeelClient client) {
    this.client = client;
  }

  /** As {@link Awaiting#await}. */
  public void await(Node node, Duration deadline) {
    var look = new Look(node);
    if (!Waiting.until(deadline, look::caughtUp)) {
      throw new ClusterFailure(
          Kind.UNAVAILABLE,
          "%s has not caught up in %s: %s; it goes on by itself, see `scripts/cluster status`"
              .formatted(node.id(), deadline, look.last));
    }
  }

  private final class Look {
    private final Node node;
    private long committed;
    private String last = "nobody answered";

    Look(Node node) {
      this.node = node;
    }

    boolean caughtUp() {
      try {
        return caughtUp(client.admin().clusterStatus());
      } catch (Unavailable e) {
        last = e.getMessage();
        return false;
      } catch (KeelException e) {
        throw new ClusterFailure(
            Kind.FAILED, "the cluster does not tell how far it is: " + e.getMessage(), e);
      }
    }

    private boolean caughtUp(ClusterStatus status) {
      List<ReplicaState> replicas =
          status.groups().stream().map(GroupState::replicas).flatMap(List::stream).toList();
      if (committed == 0) {
        // Of the first look at which somebody leads: under load the end runs away.
        committed =
            replicas.stream()
                .flatMap(replica -> replica.status().stream())
                .filter(told -> told.getNode().equals(told.getLeaderNode()))
                .mapToLong(told -> told.getCommittedIndex())
                .max()
                .orElse(0);
      }
      long applied =
          replicas.stream()
              .flatMap(replica -> replica.status().stream())
              .filter(told -> told.getNode().equals(node.id()) && told.getReady())
              .mapToLong(told -> told.getAppliedIndex())
              .findAny()
              .orElse(-1);
      last =
          applied < 0
              ? "it does not say that it is ready"
              : "applied to log index " + applied + " of " + committed;
      return committed > 0 && applied >= committed;
    }
  }
}
