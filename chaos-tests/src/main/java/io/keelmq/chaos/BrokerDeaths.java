package io.keelmq.chaos;

import io.keelmq.chaos.kills.Outcome;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import io.keelmq.local.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A broker of a group under load loses its data, dies at a failpoint on its way back, is started
 * once more and must come to vote by itself. The history of the run says whether anything that was
 * acknowledged is lost. For one thread.
 */
final class BrokerDeaths {

  static final String RIG = "broker";

  /** On the way of a snapshot from the leader into log and rows: nobody else reaches these. */
  private static final Set<Failpoint> DOWNLOAD_AND_LOAD =
      EnumSet.range(Failpoint.DOWNLOAD_BEGUN, Failpoint.LOAD_ROWS_RESTORED);

  /** On the way of damaged data out of the way. */
  private static final Set<Failpoint> SET_ASIDE =
      EnumSet.range(Failpoint.ASIDE_FOLDER_MADE, Failpoint.ASIDE_MOVED);

  /** Also reached by other rigs, and once more here where they matter most. */
  private static final Set<Failpoint> ON_THE_WAY =
      EnumSet.of(
          Failpoint.INCARNATION_GIVEN,
          Failpoint.INCARNATION_TAKEN,
          Failpoint.IDENTITY_PUBLISHED,
          Failpoint.ADOPT_ANNOUNCED,
          Failpoint.ADOPT_FILES_IN,
          Failpoint.SWAP_PREPARED,
          Failpoint.SWAP_OLD_ASIDE,
          Failpoint.SWAP_PUBLISHED);

  /** Reached first where an empty folder is opened, and again on the way of the snapshot. */
  private static final Set<Failpoint> SECOND_TIME =
      EnumSet.range(Failpoint.INHERITED_WRITTEN, Failpoint.INHERITED_PUBLISHED);

  private static final Duration DEADLINE = Duration.ofMinutes(5);
  private static final Duration STOP = Duration.ofSeconds(20);
  private static final String VOTE = "raft-meta/vote";

  private BrokerDeaths() {}

  static Set<Failpoint> failpoints() {
    var all = EnumSet.copyOf(DOWNLOAD_AND_LOAD);
    all.addAll(SET_ASIDE);
    all.addAll(ON_THE_WAY);
    return all;
  }

  /** One whose leader soon has a snapshot and a log that begins behind another. */
  static ClusterOptions cluster(Path dir, Seed seed) {
    return new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()))
        .withBrokerSettings(Map.of("log.segment.bytes", "1MiB", "snapshot.bytes", "1MiB"));
  }

  /** Behind its second snapshot a log begins later for Raft: who is new needs one. */
  static void awaitSnapshots(Faults faults) {
    faults.awaitMoreOks(800, DEADLINE);
    for (Node broker : faults.cluster().brokers()) {
      long first = awaitSnapshot(broker, 0);
      awaitSnapshot(broker, first);
    }
  }

  /**
   * @return the last entry of a snapshot that ends behind {@code index}
   */
  private static long awaitSnapshot(Node broker, long index) {
    if (!Waiting.until(DEADLINE, () -> snapshotIndex(broker) > index)) {
      throw new IllegalStateException(
          "%s took no snapshot behind entry %d within %s".formatted(broker.id(), index, DEADLINE));
    }
    return snapshotIndex(broker);
  }

  private static long snapshotIndex(Node broker) {
    try (var replica = new ReplicaAccess(broker)) {
      return replica.status().getSnapshotIndex();
    }
  }

  static Outcome run(Faults faults, Node node, Failpoint failpoint) {
    long began = System.nanoTime();
    LocalCluster cluster = faults.cluster();
    faults.count("dies at " + failpoint);
    faults.note(node.id() + " loses its data, to die at " + failpoint);
    var problems = new ArrayList<String>();
    int hit = SECOND_TIME.contains(failpoint) ? 2 : 1;
    var armed = new ArmedBroker(cluster, node, failpoint, hit);
    // For a moment after a change of the leader nobody is, and then nobody's data may go.
    cluster.awaitReady(cluster.brokers(), DEADLINE);
    faults.disturb();
    if (SET_ASIDE.contains(failpoint)) {
      cluster.stopNode(node, STOP);
      delete(cluster.dataDir(node).resolve(VOTE));
      cluster.startNode(node, armed.jvmOptions());
    } else {
      cluster.wipe(node, STOP, armed.jvmOptions());
    }
    boolean ended = Waiting.until(DEADLINE, () -> !armed.isRunning());
    boolean died = ended && armed.saidSo();
    if (ended) {
      faults.note(node.id() + " is started once more");
      cluster.startNode(node);
    }
    cluster.awaitVoter(node, DEADLINE);
    faults.note(node.id() + " votes");
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    if (ended && !died) {
      problems.add("it ended otherwise: " + cluster.tail(node, 10));
    }
    return new Outcome(RIG, failpoint, hit, died, problems, millis);
  }

  private static void delete(Path file) {
    try {
      Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
