package io.keelmq.broker.raft;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Snapshot;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.raftlog.SegmentedLogOptions.Sync;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * How long three replicas in one process take to bring one of them up by a snapshot that was away
 * while most of the log was written, and how much of it is copied. Prints one line of JSON.
 *
 * <p>Arguments: MiB of log (512), share of it in percent that the late replica has (50), MiB of a
 * segment (16).
 */
final class SnapshotBench {

  private static final int MESSAGE_BYTES = 1_024;
  private static final int PER_COMMAND = 64;
  private static final int IN_FLIGHT = 64;

  private long sequence;

  private SnapshotBench() {}

  public static void main(String[] arguments) throws Exception {
    long mebibytes = number(arguments, 0, 512);
    long share = number(arguments, 1, 50);
    long segment = number(arguments, 2, 16);
    Path folder = Files.createTempDirectory("snapshot-bench");
    try {
      new SnapshotBench().run(folder, mebibytes << 20, share, segment << 20);
    } finally {
      delete(folder);
    }
    System.exit(0);
  }

  private static long number(String[] arguments, int at, long otherwise) {
    return arguments.length > at ? Long.parseLong(arguments[at]) : otherwise;
  }

  private void run(Path folder, long bytes, long share, long segmentBytes) throws Exception {
    try (var group = new ReplicaCluster(folder, 3)) {
      group
          .plan()
          .members()
          .forEach(
              member ->
                  group.set(
                      member.node(),
                      options ->
                          options
                              .withLog(segmentBytes, Sync.FSYNC)
                              .withElectionTimeout(Duration.ofSeconds(5))));
      group.begin();
      group.createTopic();
      write(group, bytes * share / 100);
      group.commonState();
      String leader = group.leaderNode();
      String late =
          group.plan().members().stream()
              .map(member -> member.node())
              .filter(node -> !node.equals(leader))
              .findFirst()
              .orElseThrow();
      group.close(late);
      write(group, bytes - bytes * share / 100);
      Snapshot first = group.leader().snapshotNow().get(10, TimeUnit.MINUTES);
      write(group, 2L << 20);
      Snapshot taken = group.leader().snapshotNow().get(10, TimeUnit.MINUTES);
      write(group, 1L << 20);
      long target = group.leader().state().applied().index();

      long began = System.nanoTime();
      RaftReplica back = group.open(late);
      SnapshotStats stats = back.snapshotStats();
      while (stats.installs().getAsLong() == 0) {
        Thread.onSpinWait();
      }
      double installed = (System.nanoTime() - began) / 1e9;
      while (back.state().applied().index() < target) {
        Thread.onSpinWait();
      }
      double caughtUp = (System.nanoTime() - began) / 1e9;
      long skipped = stats.segmentsSkipped().getAsLong();
      long copied = stats.segmentsCopied().getAsLong();
      System.out.printf(
          "{\"log_mib\":%d,\"late_has_percent\":%d,\"snapshot_bytes\":%d,\"snapshot_millis\":[%d,%d],"
              + "\"segments\":%d,\"segments_skipped\":%d,\"share_skipped\":%.2f,"
              + "\"bytes_copied\":%d,\"install_seconds\":%.2f,\"caught_up_seconds\":%.2f,"
              + "\"copied_mb_per_second\":%.1f,\"snapshot_mb_per_second\":%.1f}%n",
          bytes >> 20,
          share,
          taken.bytes(),
          first.millis(),
          taken.millis(),
          skipped + copied,
          skipped,
          (double) skipped / Math.max(1, skipped + copied),
          stats.bytesCopied().getAsLong(),
          installed,
          caughtUp,
          stats.bytesCopied().getAsLong() / installed / 1e6,
          taken.bytes() / installed / 1e6);
    }
  }

  private void write(ReplicaCluster group, long bytes) throws InterruptedException {
    RaftReplica leader = group.leader();
    ByteBuffer records = ByteBuffer.allocate(MESSAGE_BYTES * PER_COMMAND);
    var window = new Semaphore(IN_FLIGHT);
    var failed = new AtomicLong();
    for (long written = 0; written < bytes; written += records.limit()) {
      window.acquire();
      sequence++;
      leader.propose(
          new Proposal(
              Optional.empty(),
              new Command.SendMessages(
                  new Command.ProducerSequence("bench", 1, sequence),
                  List.of(
                      new Command.Run(
                          ReplicaCluster.TOPIC, 0, PER_COMMAND, 0, records.limit(), List.of()))),
              List.of(records),
              outcome -> {
                if (!(outcome instanceof ProposalOutcome.Applied applied
                    && applied.reply() instanceof Reply.Stored)) {
                  failed.incrementAndGet();
                }
                window.release();
              }));
    }
    window.acquire(IN_FLIGHT);
    if (failed.get() > 0) {
      throw new IllegalStateException(failed + " commands failed: the leader changed; run again");
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
