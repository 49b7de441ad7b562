package io.keelmq.broker.raft;

import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/**
 * Where the figures are read: in the running member, while there is one, and in log and store.
 * Thread-safe; keeps nothing.
 */
public final class ReplicaGauges {

  private final Supplier<Optional<RaftMember>> running;
  private final ReplicaFolder folder;
  private final Replies replies;

  /**
   * @param running empty before the replica takes part in its group, and when it has ended, after
   *     which the store may not be asked
   */
  ReplicaGauges(Supplier<Optional<RaftMember>> running, ReplicaFolder folder, Replies replies) {
    this.running = running;
    this.folder = folder;
    this.replies = replies;
  }

  RaftStats stats() {
    var log = folder.log().stats();
    return new RaftStats(
        () -> of(member -> member.proposer().commandsSent()),
        () -> of(member -> member.proposer().entriesSent()),
        () -> of(member -> member.proposer().bytesSent()),
        () -> of(member -> member.proposer().overloads()),
        () -> of(member -> member.proposer().bytesInFlight()),
        replies::waiting,
        () -> of(member -> member.applyLoop().entriesApplied()),
        () -> of(member -> member.applyLoop().entriesSkipped()),
        () -> of(member -> member.applyLoop().commandsApplied()),
        () -> of(member -> member.applyLoop().committedIndex()),
        () -> of(RaftMember::committedIndex),
        log::forces,
        log::forceNanos,
        log::appendedBytes,
        () -> of(member -> folder.store().stats().fileBytes()),
        () ->
            of(
                member ->
                    folder.store().stats().memtableBytes()
                        + folder.store().stats().blockCacheBytes()),
        () -> of(member -> member.storage().health().freeBytes()),
        () -> of(member -> member.storage().health().isLow() ? 1 : 0),
        () -> of(member -> member.proposer().refusedForRoom()),
        () -> of(member -> member.storage().health().stalls()),
        () -> of(member -> member.storage().health().mayStand() ? 1 : 0),
        () -> of(member -> member.appends().requests()),
        () -> of(member -> member.appends().withheld()));
  }

  SnapshotStats snapshots() {
    return new SnapshotStats(
        () -> of(member -> member.snapshotStatus().index()),
        () -> of(member -> member.snapshotStatus().bytes()),
        () -> of(member -> member.snapshotCounters().lastMillis),
        () -> of(member -> member.snapshotTrigger().grownBytes()),
        () -> of(member -> member.snapshotStatus().installing() ? 1 : 0),
        () -> of(member -> member.snapshotStatus().sending() ? 1 : 0),
        () -> of(member -> member.snapshotCounters().installs.sum()),
        () -> of(member -> member.snapshotCounters().failedDownloads.sum()),
        () -> of(member -> member.snapshotCounters().segmentsSkipped.sum()),
        () -> of(member -> member.snapshotCounters().segmentsCopied.sum()),
        () -> of(member -> member.snapshotCounters().bytesCopied.sum()),
        () -> of(member -> member.snapshotCounters().seedSegments.sum()),
        () -> of(member -> member.snapshotCounters().seedBytes.sum()),
        () -> of(member -> member.snapshotCounters().seedRefused.sum()),
        () -> of(member -> member.snapshotCounters().freedSegments.sum()),
        () -> folder.log().physicalFirst());
  }

  public RetentionStats retention() {
    return new RetentionStats(
        () -> of(member -> member.retention.counters().relocatedRows.sum()),
        () -> of(member -> member.retention.counters().relocatedBytes.sum()),
        () -> of(member -> member.retention.counters().trimsBySize.sum()),
        () -> of(member -> member.retention.counters().trimsByDisk.sum()),
        () -> of(member -> member.retention.counters().liveBytes),
        () -> of(member -> member.retention.counters().deadBytes));
  }

  public ScrubStats scrub() {
    return new ScrubStats(
        () -> of(member -> member.storage().scrub().bytes()),
        () -> of(member -> member.storage().scrub().passes()),
        () -> of(member -> member.storage().scrub().failures()),
        () -> of(member -> member.storage().scrub().damaged()),
        folder.log().stats()::rebuiltSidecars);
  }

  private long of(ToLongFunction<RaftMember> gauge) {
    return running.get().map(gauge::applyAsLong).orElse(0L);
  }
}
