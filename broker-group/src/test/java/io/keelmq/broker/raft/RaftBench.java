package io.keelmq.broker.raft;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * How many messages a second three replicas in one process store, each forcing its own log.
 *
 * <p>Arguments: bytes of a message (1024), messages of a command (64), commands in flight (128),
 * seconds (10), replicas (3), "keep" to restart one replica on what was written and time it.
 */
final class RaftBench {

  private static final long WARM_UP_NANOS = 3_000_000_000L;

  private RaftBench() {}

  public static void main(String[] arguments) throws Exception {
    int messageBytes = number(arguments, 0, 1_024);
    int perCommand = number(arguments, 1, 64);
    int inFlight = number(arguments, 2, 128);
    int seconds = number(arguments, 3, 10);
    int replicas = number(arguments, 4, 3);
    boolean restart = arguments.length > 5 && arguments[5].equals("keep");
    Path folder = Files.createTempDirectory("raft-bench");
    try (var cluster = new ReplicaCluster(folder, replicas)) {
      // Three replicas and the load share this machine's cores: it is throughput that is measured.
      cluster
          .plan()
          .members()
          .forEach(
              member ->
                  cluster.set(
                      member.node(),
                      options -> options.withElectionTimeout(Duration.ofSeconds(5))));
      cluster.begin();
      cluster.createTopic();
      run(cluster.leader(), messageBytes, perCommand, inFlight, seconds);
      if (restart) {
        restart(cluster);
      }
    } finally {
      delete(folder);
    }
    System.exit(0);
  }

  private static int number(String[] arguments, int at, int otherwise) {
    return arguments.length > at ? Integer.parseInt(arguments[at]) : otherwise;
  }

  private static void run(
      RaftReplica leader, int messageBytes, int perCommand, int inFlight, int seconds)
      throws Exception {
    ByteBuffer records = ByteBuffer.allocate(messageBytes * perCommand);
    var window = new Semaphore(inFlight);
    var stored = new AtomicLong();
    var failed = new AtomicLong();
    var latencies = new long[1 << 20];
    var count = new AtomicLong();
    RaftStats stats = leader.raftStats();
    long begin = System.nanoTime();
    long measured = begin + WARM_UP_NANOS;
    long end = measured + seconds * 1_000_000_000L;
    long entries = 0;
    long forces = 0;
    boolean warm = false;
    for (long sequence = 1; System.nanoTime() < end; sequence++) {
      window.acquire();
      long sent = System.nanoTime();
      if (!warm && sent >= measured) {
        warm = true;
        entries = stats.entriesProposed().getAsLong();
        forces = stats.logForces().getAsLong();
      }
      boolean counts = warm;
      leader.propose(
          new Proposal(
              Optional.empty(),
              new Command.SendMessages(
                  new Command.ProducerSequence("bench", 1, sequence),
                  List.of(
                      new Command.Run(
                          ReplicaCluster.TOPIC, 0, perCommand, 0, records.limit(), List.of()))),
              List.of(records),
              outcome -> {
                window.release();
                if (outcome instanceof ProposalOutcome.Applied applied
                    && applied.reply() instanceof Reply.Stored) {
                  if (counts) {
                    stored.addAndGet(perCommand);
                    latencies[(int) (count.getAndIncrement() % latencies.length)] =
                        System.nanoTime() - sent;
                  }
                } else if (failed.getAndIncrement() == 0) {
                  System.out.println("failed: " + outcome);
                }
              }));
    }
    window.acquire(inFlight);
    double took = (System.nanoTime() - measured) / 1e9;
    entries = stats.entriesProposed().getAsLong() - entries;
    forces = stats.logForces().getAsLong() - forces;
    long[] sorted = Arrays.copyOf(latencies, (int) Math.min(count.get(), latencies.length));
    Arrays.sort(sorted);
    System.out.printf(
        "%d B x %d, %d in flight: %.0f msgs/s %.1f MB/s, p50 %.1f ms p99 %.1f ms, %.0f entries/s, %.1f commands an entry, %.0f forces/s, failed %d%n",
        messageBytes,
        perCommand,
        inFlight,
        stored.get() / took,
        stored.get() * messageBytes / took / 1e6,
        sorted[sorted.length / 2] / 1e6,
        sorted[sorted.length * 99 / 100] / 1e6,
        entries / took,
        (double) count.get() / entries,
        forces / took,
        failed.get());
  }

  private static void restart(ReplicaCluster cluster) throws Exception {
    String node = cluster.leaderNode();
    long applied = cluster.leader().state().applied().index();
    long bytes = cluster.leader().raftStats().logBytes().getAsLong();
    long closing = System.nanoTime();
    cluster.close(node);
    long begin = System.nanoTime();
    var replica = cluster.open(node);
    long opened = System.nanoTime();
    while (!replica.status().ready()
        || replica.raftStats().entriesSkipped().getAsLong()
                + replica.raftStats().entriesApplied().getAsLong()
            == 0
        || replica.state().applied().index() < applied) {
      Thread.onSpinWait();
    }
    System.out.printf(
        "restart: %d MB of log, %d entries: closed in %.2f s, opened in %.2f s, ready after %.2f s, skipped %d, applied %d%n",
        bytes >> 20,
        applied,
        (begin - closing) / 1e9,
        (opened - begin) / 1e9,
        (System.nanoTime() - begin) / 1e9,
        replica.raftStats().entriesSkipped().getAsLong(),
        replica.raftStats().entriesApplied().getAsLong());
  }

  private static void delete(Path folder) throws Exception {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
