package io.keelmq.broker;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** What operators do to one replica. Thread-safe. */
public interface ReplicaControl {

  /** One replica of a plan. */
  record Member(String node, String raftAddress, int incarnation, String clientAddress) {}

  /** Who makes up a broker group at its beginning. */
  record Plan(String clusterId, String brokerGroup, List<Member> members) {

    public Plan {
      members = List.copyOf(members);
    }
  }

  /** How far a peer's log reaches, as the leader knows it. */
  record Peer(String peerId, long nextIndex, boolean alive) {}

  /** Where a replica stands. */
  record Status(
      Optional<Plan> plan,
      boolean started,
      String peerId,
      long committedIndex,
      long appliedIndex,
      long logFirstIndex,
      long logLastIndex,
      long logDurableIndex,
      List<Peer> peers,
      boolean ready,
      String reason) {

    public Status {
      peers = List.copyOf(peers);
    }
  }

  /** A step that the replica's present condition does not allow. */
  final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    /** What kind of refusal. */
    public enum Reason {
      ALREADY_INITIALIZED,
      NOT_INITIALIZED,
      IDENTITY_MISMATCH,
      INVALID,
      PRECONDITION,
      /** Ask the leader. */
      NOT_LEADER
    }

    private final Reason reason;

    public Refused(Reason reason, String message) {
      super(message);
      this.reason = reason;
    }

    public Reason reason() {
      return reason;
    }
  }

  /**
   * Writes down who this replica is and syncs it. Blocks on disk.
   *
   * @throws Refused unless the data folder is empty or holds the same plan
   */
  void prepare(Plan plan) throws Refused;

  /**
   * Lets a prepared replica take part in its group; nothing happens if it does already. Blocks
   * until Raft runs, not until a leader is elected.
   *
   * @throws Refused if it is not prepared, or for another cluster
   */
  void start(String clusterId) throws Refused;

  /**
   * Hands leadership over. Completes when another replica leads, exceptionally with {@link Refused}
   * if this one does not lead or nobody took over.
   *
   * @param node who shall lead; absent: the most up to date of the others
   */
  CompletableFuture<Leadership> transferLeadership(Optional<String> node);

  Status status();

  /** How this replica comes into its group, and others into and out of it. */
  Membership membership();
}
