package io.keelmq.broker.raft;

import io.keelmq.broker.Proposal;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** What a replica that makes room knows of itself and its group. Thread-safe. */
final class RoomOfGroup implements GroupRetention.Host {

  private final RaftReplicaOptions options;
  private final ReplicaParts parts;
  private final LeadershipView leadership;
  private final StorageWatch storage;
  private final GroupSnapshots snapshots;
  private final SnapshotCounters counters;

  RoomOfGroup(
      RaftReplicaOptions options,
      ReplicaParts parts,
      LeadershipView leadership,
      StorageWatch storage,
      GroupSnapshots snapshots,
      SnapshotCounters counters) {
    this.options = options;
    this.parts = parts;
    this.leadership = leadership;
    this.storage = storage;
    this.snapshots = snapshots;
    this.counters = counters;
  }

  GroupRetention retention(ReplicaFolder folder, Consumer<Proposal> proposer, Executor background) {
    return new GroupRetention(
        options.retention(),
        folder.log(),
        options.segmentBytes(),
        folder.store(),
        parts.view(),
        new CommittedLog(folder.log().reader(), parts.terms()),
        this,
        proposer,
        background,
        options.nanos());
  }

  @Override
  public boolean mayPropose() {
    return leadership.current().isLeader() && options.retention().allowed().test(parts.view());
  }

  @Override
  public boolean isShortOfRoom() {
    return storage.isShortOfRoom();
  }

  @Override
  public OptionalLong spareBytes() {
    return storage.spareBytes();
  }

  @Override
  public boolean isMissingBytes() {
    return storage.isMissingBytes();
  }

  @Override
  public long bytesToTrim() {
    // In this order: what a snapshot gives back meanwhile is not missed for a second time.
    long waiting = counters.freedBytes.get();
    long missing = storage.missingBytes();
    if (missing > 0) {
      return Math.max(0, missing - waiting);
    }
    return waiting == 0 && isShortOfRoom() ? 1 : 0;
  }

  @Override
  public boolean isStopped() {
    return snapshots.isStopped();
  }
}
