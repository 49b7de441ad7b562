package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.JRaftServiceFactory;
import com.alipay.sofa.jraft.entity.codec.LogEntryCodecFactory;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import com.alipay.sofa.jraft.storage.RaftMetaStorage;
import com.alipay.sofa.jraft.storage.SnapshotStorage;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogStorage;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.function.Function;

/** What JRaft stores with: our log and snapshots, and our file for term and vote. */
final class RaftLogFactory implements JRaftServiceFactory {

  private final SegmentedLog log;
  private final PassOver passOver;
  private final LogClock clock;
  private final GroupSnapshotStorage snapshots;
  private final Function<Path, VoteStorage> votes;

  RaftLogFactory(
      SegmentedLog log,
      PassOver passOver,
      LogClock clock,
      GroupSnapshotStorage snapshots,
      Function<Path, VoteStorage> votes) {
    this.log = log;
    this.passOver = passOver;
    this.clock = clock;
    this.snapshots = snapshots;
    this.votes = votes;
  }

  @Override
  public LogStorage createLogStorage(String uri, RaftOptions options) {
    return new SegmentedLogStorage(log, passOver, this::arrived);
  }

  /** Here and not where it is applied, which may be much later: a late stamp tells little. */
  private void arrived(ByteBuffer entry) {
    LogEntryBytes.timeMillis(entry).ifPresent(stamp -> clock.observe(stamp, true));
  }

  @Override
  public RaftMetaStorage createRaftMetaStorage(String uri, RaftOptions options) {
    return votes.apply(Path.of(uri));
  }

  @Override
  public SnapshotStorage createSnapshotStorage(NodeOptions options) {
    return snapshots;
  }

  @Override
  public LogEntryCodecFactory createLogEntryCodecFactory() {
    return LogEntryV2CodecFactory.getInstance();
  }
}
