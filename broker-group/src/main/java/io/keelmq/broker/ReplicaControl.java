package io.keelmq.broker;

import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.Members.Seat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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

    /**
     * Those who vote, each with the incarnation that does: the members of this plan, until the rows
     * name others.
     *
     * @param seats as the rows have them; empty until the first change of members
     */
    public List<Member> voters(List<Seat> seats) {
      return seats.isEmpty()
          ? members
          : seats.stream().filter(seat -> seat.voting() != 0).map(Plan::voter).toList();
    }

    private static Member voter(Seat seat) {
      return new Member(seat.node(), seat.raftAddress(), seat.voting(), seat.clientAddress());
    }
  }

  /** How far a peer's log reaches, as the leader knows it. */
  record Peer(String peerId, long nextIndex, boolean alive) {}

  /**
   * Where a replica stands.
   *
   * @param levels the feature levels that it supports
   */
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
      String reason,
      LevelRange levels) {

    public Status {
      peers = List.copyOf(peers);
    }
  }

  /**
   * A snapshot that was taken.
   *
   * @param index the last log entry that it covers
   * @param bytes of its files, most of them shared with log and indexes
   * @param millis that it took
   */
  record Snapshot(long index, long bytes, long millis) {}

  /**
   * Where a replica's snapshots stand.
   *
   * @param index the last log entry that the published one covers; 0: there is none
   * @param bytes of its files
   * @param installing whether one is being brought in from the leader
   * @param sending whether this one is being sent to another replica
   */
  record SnapshotStatus(long index, long bytes, boolean installing, boolean sending) {
    public static final SnapshotStatus NONE = new SnapshotStatus(0, 0, false, false);
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

  /**
   * Takes a snapshot of this replica. Completes when it is published, exceptionally with {@link
   * Refused} if nothing was applied since the last one, or one is on its way to or from this
   * replica.
   */
  CompletableFuture<Snapshot> snapshotNow();

  /**
   * Lends a snapshot that holds at least what the state held when this was called; takes one unless
   * the last one does. Completes as {@link #snapshotNow} does. Whoever gets it closes it.
   */
  CompletableFuture<SnapshotCopy> lendSnapshot();

  SnapshotStatus snapshotStatus();

  RowEvidence rowEvidence();

  /**
   * This replica can take no further part as it is, as somebody else has found out. Returns at
   * once; a replica that is damaged, or diverged, stays what it is until its group goes on without
   * it.
   */
  void leave(Throwable why);

  Status status();

  /** What a leader has to know of the disks of the others. */
  enum DiskTrouble {
    /** Less room than there should be. */
    LOW,
    /** It does not stand for election, nor take leadership over. */
    NOT_STANDING,
    /**
     * It was in trouble lately: it does not stand for election, and takes leadership over only in
     * place of one that is in trouble now.
     */
    ON_PROBATION
  }

  /** What is the matter with this replica's disk; nearly always nothing. */
  default Set<DiskTrouble> diskTroubles() {
    return Set.of();
  }

  /** What a replica of the group has said of its disk; counts for some seconds. */
  default void heard(String node, DiskTrouble trouble) {
    // Nothing depends on it where nothing is stored.
  }

  /**
   * A replica of the group has said which feature levels it supports; counts for some seconds.
   *
   * @param peerId as in {@link Status#peerId}, of that replica
   */
  default void heardLevels(String peerId, LevelRange levels) {
    // Nothing depends on it where nothing is replicated.
  }

  /** How this replica comes into its group, and others into and out of it. */
  Membership membership();
}
