package io.keelmq.broker.raft;

import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.common.HostPort;
import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.RealDisk;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * How a replica is set up.
 *
 * @param dataFolder of this replica alone; made if missing
 * @param raftListen where other members' connections are accepted; one address, not all
 * @param raftAdvertised host:port as in the plan
 * @param electionTimeout how long a leader may be silent before it is replaced
 * @param segmentBytes size of a log segment
 * @param sync whether an entry is forced before it is acknowledged
 * @param maxBytesInFlight of commands that are being stored
 * @param snapshots when the replica takes one by itself
 * @param disk for the log
 * @param storage what the disk has to be like
 * @param scrub how the log is read again
 * @param version what runs, and which feature levels it supports
 * @param retention how room is made
 * @param wall the wall clock, for log time
 * @param nanos a monotonic clock
 * @param onFatal told, once, why this replica can no longer take part; it should end the process.
 *     Called on any thread, and must not wait for the replica
 */
public record RaftReplicaOptions(
    String node,
    String brokerGroup,
    Path dataFolder,
    HostPort raftListen,
    String raftAdvertised,
    Duration electionTimeout,
    long segmentBytes,
    SegmentedLogOptions.Sync sync,
    long maxBytesInFlight,
    SnapshotPolicy snapshots,
    Disk disk,
    StorageLimits storage,
    ScrubPolicy scrub,
    ReplicaVersion version,
    RetentionPolicy retention,
    InstantSource wall,
    LongSupplier nanos,
    Consumer<Throwable> onFatal) {

  public static final Duration DEFAULT_ELECTION_TIMEOUT = Duration.ofSeconds(1);
  public static final long DEFAULT_BYTES_IN_FLIGHT = 32L << 20;

  public RaftReplicaOptions {
    if (electionTimeout.toMillis() < 100 || electionTimeout.toSeconds() > 60) {
      throw new IllegalArgumentException(
          "raft.election.timeout is %s, expected 100ms to 60s".formatted(electionTimeout));
    }
  }

  /** Forced entries, segments of 256 MiB, elections after a second. */
  public static RaftReplicaOptions of(
      String node,
      String brokerGroup,
      Path dataFolder,
      HostPort raftListen,
      InstantSource wall,
      LongSupplier nanos,
      Consumer<Throwable> onFatal) {
    return new RaftReplicaOptions(
        node,
        brokerGroup,
        dataFolder,
        raftListen,
        raftListen.toString(),
        DEFAULT_ELECTION_TIMEOUT,
        SegmentedLogOptions.DEFAULT_SEGMENT_BYTES,
        SegmentedLogOptions.Sync.FSYNC,
        DEFAULT_BYTES_IN_FLIGHT,
        SnapshotPolicy.DEFAULT,
        new RealDisk(),
        StorageLimits.DEFAULT,
        ScrubPolicy.DEFAULT,
        new ReplicaVersion("unknown", LevelRange.OF_THIS_VERSION),
        RetentionPolicy.DEFAULT,
        wall,
        nanos,
        onFatal);
  }

  public RaftReplicaOptions withRaftAdvertised(String address) {
    return changed(draft -> draft.raftAdvertised = address);
  }

  public RaftReplicaOptions withElectionTimeout(Duration timeout) {
    return changed(draft -> draft.electionTimeout = timeout);
  }

  public RaftReplicaOptions withLog(long newSegmentBytes, SegmentedLogOptions.Sync newSync) {
    return changed(
        draft -> {
          draft.segmentBytes = newSegmentBytes;
          draft.sync = newSync;
        });
  }

  public RaftReplicaOptions withMaxBytesInFlight(long bytes) {
    return changed(draft -> draft.maxBytesInFlight = bytes);
  }

  public RaftReplicaOptions withSnapshots(SnapshotPolicy policy) {
    return changed(draft -> draft.snapshots = policy);
  }

  public RaftReplicaOptions withDisk(Disk newDisk) {
    return changed(draft -> draft.disk = newDisk);
  }

  public RaftReplicaOptions withStorage(StorageLimits limits) {
    return changed(draft -> draft.storage = limits);
  }

  public RaftReplicaOptions withScrub(ScrubPolicy policy) {
    return changed(draft -> draft.scrub = policy);
  }

  public RaftReplicaOptions withVersion(ReplicaVersion newVersion) {
    return changed(draft -> draft.version = newVersion);
  }

  public RaftReplicaOptions withRetention(RetentionPolicy policy) {
    return changed(draft -> draft.retention = policy);
  }

  private RaftReplicaOptions changed(Consumer<Draft> change) {
    var draft = new Draft(this);
    change.accept(draft);
    return new RaftReplicaOptions(
        node,
        brokerGroup,
        dataFolder,
        raftListen,
        draft.raftAdvertised,
        draft.electionTimeout,
        draft.segmentBytes,
        draft.sync,
        draft.maxBytesInFlight,
        draft.snapshots,
        draft.disk,
        draft.storage,
        draft.scrub,
        draft.version,
        draft.retention,
        wall,
        nanos,
        onFatal);
  }

  /** What can be changed, while it is. */
  private static final class Draft {
    private String raftAdvertised;
    private Duration electionTimeout;
    private long segmentBytes;
    private SegmentedLogOptions.Sync sync;
    private long maxBytesInFlight;
    private SnapshotPolicy snapshots;
    private Disk disk;
    private StorageLimits storage;
    private ScrubPolicy scrub;
    private ReplicaVersion version;
    private RetentionPolicy retention;

    Draft(RaftReplicaOptions options) {
      this.raftAdvertised = options.raftAdvertised();
      this.electionTimeout = options.electionTimeout();
      this.segmentBytes = options.segmentBytes();
      this.sync = options.sync();
      this.maxBytesInFlight = options.maxBytesInFlight();
      this.snapshots = options.snapshots();
      this.disk = options.disk();
      this.storage = options.storage();
      this.scrub = options.scrub();
      this.version = options.version();
      this.retention = options.retention();
    }
  }
}
