package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.option.ReadOnlyOption;
import com.alipay.sofa.jraft.util.ThreadPoolsFactory;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** How JRaft is set up, and why. Stateless. */
final class RaftOptionsFactory {

  /** AppendEntries requests on their way to one follower, of up to {@link #APPEND_BYTES} each. */
  static final int INFLIGHT_APPENDS = 16;

  static final int APPEND_BYTES = 1 << 20;

  /** Entries that JRaft keeps in memory because they are not yet on disk or not yet applied. */
  static final long MEMORY_BYTES = 64L << 20;

  private static final int POOL_THREADS = 4;

  private static final Duration INSTALL_LIMIT = Duration.ofHours(12);

  /** Of a snapshot, at once; there is one request in flight. */
  private static final int PIECE_BYTES = 1 << 20;

  private RaftOptionsFactory() {}

  static NodeOptions node(Duration electionTimeout) {
    var node = new NodeOptions();
    node.setRaftOptions(raft());
    node.setElectionTimeoutMs(Math.toIntExact(electionTimeout.toMillis()));
    // Snapshots are asked for by size, never by time: one on an idle group would cut the whole log
    // away.
    node.setSnapshotIntervalSecs(0);
    // Members change through our own admin service alone; whoever reaches the port could else.
    node.setDisableCli(true);
    // A private timer is a thread that wakes every millisecond.
    node.setSharedElectionTimer(true);
    node.setSharedVoteTimer(true);
    node.setSharedStepDownTimer(true);
    node.setSharedSnapshotTimer(true);
    node.setSharedTimerPool(true);
    // Connecting happens inside the node's lock.
    node.setRpcConnectTimeoutMs(400);
    node.setRpcDefaultTimeout(5_000);
    // It covers the whole copy of a snapshot, which may be hundreds of gigabytes. The connection's
    // end ends it sooner.
    node.setRpcInstallSnapshotTimeout(Math.toIntExact(INSTALL_LIMIT.toMillis()));
    node.setRpcProcessorThreadPoolSize(12);
    node.setEnableMetrics(false);
    return node;
  }

  private static RaftOptions raft() {
    var raft = new RaftOptions();
    // Our storage forces by its own options; term and votes are JRaft's to force, and are not by
    // default: a vote that a power loss takes back can be given twice.
    raft.setSync(true);
    raft.setSyncMeta(true);
    // The size of one force, and of one request. The default of 256 KiB bounds throughput by the
    // number of forces.
    raft.setMaxAppendBufferSize(4 << 20);
    raft.setMaxBodySize(APPEND_BYTES);
    raft.setMaxEntriesSize(1_024);
    raft.setMaxByteCountPerRpc(PIECE_BYTES);
    raft.setMaxReplicatorInflightMsgs(INFLIGHT_APPENDS);
    raft.setMaxLogsInMemoryBytes(MEMORY_BYTES);
    raft.setApplyBatch(64);
    raft.setDisruptorBufferSize(4_096);
    // The election timeout is random between T and T plus this.
    raft.setMaxElectionDelayMs(200);
    raft.setReadOnlyOptions(ReadOnlyOption.ReadOnlySafe);
    return raft;
  }

  /**
   * Gives the group a thread pool that queues. JRaft's own has no queue and rejects when callbacks
   * keep its threads busy; the task it then drops may be the one that wakes the replicators, and
   * replication stops for ever while heartbeats go on (issue 1271, still there in 1.4.1).
   */
  static void registerThreadPool(String group) {
    var number = new AtomicInteger();
    var pool =
        new ThreadPoolExecutor(
            POOL_THREADS,
            POOL_THREADS,
            60,
            TimeUnit.SECONDS,
            // Never rejects, by design; what is in it is bounded by the entries in flight.
            new LinkedBlockingQueue<>(),
            task -> {
              var thread = new Thread(task, "raft-pool-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    pool.allowCoreThreadTimeOut(true);
    try {
      ThreadPoolsFactory.registerThreadPool(group, pool);
    } catch (IllegalArgumentException e) {
      // Another replica of the group in this process has registered one; JRaft keeps the first.
      pool.shutdown();
    }
  }
}
