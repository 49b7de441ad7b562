package io.keelmq.chaos;

import io.grpc.StatusRuntimeException;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.NodeStatus.State;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ReplicaStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A replica that is down, and whose next start has to truncate its log or to adopt the leader's;
 * and the failpoint on that way at which it shall die. Its disk then is as it was at that point.
 * For one thread.
 *
 * @param upTo what the others had committed by then: with that applied it is past the failpoint
 */
record PowerAim(Node node, Failpoint failpoint, long upTo) {

  /** Of entries in the active segment. */
  static final Set<Failpoint> TRUNCATE_IN_ACTIVE =
      EnumSet.of(
          Failpoint.TRUNCATE_FLOOR_LOWERED, Failpoint.TRUNCATE_CUT, Failpoint.TRUNCATE_CUT_FORCED);

  /** Of the active segment and the end of a sealed one. */
  static final Set<Failpoint> TRUNCATE_IN_SEALED =
      EnumSet.of(
          Failpoint.TRUNCATE_FLOOR_LOWERED,
          Failpoint.TRUNCATE_SEGMENT_GONE,
          Failpoint.TRUNCATE_COPY_WRITTEN,
          Failpoint.TRUNCATE_COPY_FORCED,
          Failpoint.TRUNCATE_SIDECAR_DELETED,
          Failpoint.TRUNCATE_SIDECAR_GONE,
          Failpoint.TRUNCATE_COPY_RENAMED,
          Failpoint.TRUNCATE_COPY_PUBLISHED);

  /**
   * Of a replica that has a log, rows and a snapshot, all too old. LOAD_BEGUN and LOAD_CHECKED are
   * left out: its own snapshot passes them at the start.
   */
  static final Set<Failpoint> ADOPT =
      EnumSet.of(
          Failpoint.DOWNLOAD_BEGUN,
          Failpoint.DOWNLOAD_FILE_HERE,
          Failpoint.DOWNLOAD_COMPLETE,
          Failpoint.DOWNLOAD_PUBLISHED,
          Failpoint.ADOPT_CHECKED,
          Failpoint.ADOPT_ANNOUNCED,
          Failpoint.ADOPT_SEGMENT_DELETED,
          Failpoint.ADOPT_SEGMENTS_GONE,
          Failpoint.ADOPT_LINKED,
          Failpoint.ADOPT_TAIL_WRITTEN,
          Failpoint.ADOPT_TAIL_FORCED,
          Failpoint.ADOPT_TAIL_RENAMED,
          Failpoint.ADOPT_FILES_IN,
          Failpoint.ADOPT_DONE,
          Failpoint.LOAD_LOG_ADOPTED,
          Failpoint.SWAP_PREPARED,
          Failpoint.SWAP_OLD_ASIDE,
          Failpoint.SWAP_RENAMED,
          Failpoint.SWAP_PUBLISHED,
          Failpoint.LOAD_ROWS_RESTORED);

  private static final Logger LOG = LoggerFactory.getLogger(PowerAim.class);

  private static final Duration DEADLINE = Duration.ofMinutes(5);

  /** Longer than a leader leads that hears of nobody. */
  private static final Duration ALONE = Duration.ofSeconds(5);

  /** For a replica to start and to get to the failpoint. */
  private static final Duration ON_ITS_WAY = Duration.ofMinutes(2);

  /**
   * Lets the leader write alone, what nobody else has then, and the others go on without it.
   *
   * @param disks where its log is
   */
  static PowerAim truncate(Faults faults, PowerDisks disks) {
    LocalCluster cluster = faults.cluster();
    cluster.awaitReady(cluster.brokers(), DEADLINE);
    Node leader = cluster.leader();
    List<Node> others = othersThan(leader, cluster);
    Path log = disks.replica(leader.id()).resolve("log");
    boolean beyondASegment = faults.draw(0, 2) == 1;
    // Killed, not paused: they would read later what the leader has sent them by now.
    faults.kill(others);
    Path active = lastSegment(log);
    long bytes = size(active);
    Waiting.until(
        ALONE,
        () ->
            !lastSegment(log).equals(active)
                || (!beyondASegment && size(lastSegment(log)) > bytes));
    faults.kill(leader);
    OptionalLong kept = lastIndex(others, disks);
    faults.startAll(others, DEADLINE);
    // Of another term: entries that contradict those of the leader of before.
    faults.awaitMoreOks(50, DEADLINE);
    return at(leader, onTheWay(kept, SegmentTail.firstIndex(lastSegment(log))), others, faults);
  }

  /**
   * What a truncation passes.
   *
   * @param kept behind which entry it truncates, if that is known
   * @param active where the last segment begins
   */
  static Set<Failpoint> onTheWay(OptionalLong kept, long active) {
    if (kept.isEmpty()) {
      return EnumSet.of(Failpoint.TRUNCATE_FLOOR_LOWERED);
    }
    return kept.getAsLong() < active ? TRUNCATE_IN_SEALED : TRUNCATE_IN_ACTIVE;
  }

  /**
   * Of all entries that replicas have which do not run: the one of them that has it will lead.
   *
   * @return empty if one has just sealed its last segment
   */
  private static OptionalLong lastIndex(List<Node> nodes, PowerDisks disks) {
    List<SegmentTail> tails =
        nodes.stream()
            .map(node -> SegmentTail.of(disks.replica(node.id()).resolve("log")))
            .flatMap(Optional::stream)
            .toList();
    return tails.size() == nodes.size()
        ? tails.stream().mapToLong(SegmentTail::lastIndex).max()
        : OptionalLong.empty();
  }

  /** Lets a replica miss so much that the others' logs begin behind the end of its own. */
  static PowerAim adopt(Faults faults) {
    LocalCluster cluster = faults.cluster();
    cluster.awaitReady(cluster.brokers(), DEADLINE);
    Node behind = cluster.brokers().get(faults.draw(0, cluster.brokers().size()));
    List<Node> others = othersThan(behind, cluster);
    faults.kill(behind);
    faults.awaitMoreOks(300, DEADLINE);
    long end = most(others, ReplicaStatus::getLogLastIndex);
    // The log of a replica begins, for Raft, behind the snapshot before its newest.
    others.forEach(node -> snapshotBehind(snapshotBehind(end, node), node));
    return at(behind, ADOPT, others, faults);
  }

  private static PowerAim at(
      Node node, Set<Failpoint> failpoints, List<Node> others, Faults faults) {
    Failpoint drawn = List.copyOf(failpoints).get(faults.draw(0, failpoints.size()));
    return new PowerAim(node, drawn, most(others, ReplicaStatus::getCommittedIndex));
  }

  /**
   * Starts it and waits until it is dead, or has gone on without passing the failpoint.
   *
   * @return whether it died there; if not it may run
   */
  boolean isHit(Faults faults) {
    LocalCluster cluster = faults.cluster();
    var armed = new ArmedBroker(cluster, node, failpoint, 1);
    faults.note("start " + node.id() + " to die at " + failpoint);
    cluster.startNode(node, armed.jvmOptions());
    Waiting.until(ON_ITS_WAY, () -> !armed.isRunning() || isPast(cluster));
    boolean hit = !armed.isRunning() && armed.saidSo();
    faults.note(node.id() + (hit ? " died at " : " did not die at ") + failpoint);
    return hit;
  }

  private boolean isPast(LocalCluster cluster) {
    return cluster.status(node).state() == State.READY
        && reaches(node, ReplicaStatus::getAppliedIndex, upTo);
  }

  private static boolean reaches(Node node, ToLongFunction<ReplicaStatus> what, long index) {
    try (var replica = new ReplicaAccess(node)) {
      return what.applyAsLong(replica.status()) >= index;
    } catch (StatusRuntimeException e) {
      LOG.debug("it may have died just now, or is busy: {}", node.id(), e);
      return false;
    }
  }

  private static List<Node> othersThan(Node node, LocalCluster cluster) {
    var others = new ArrayList<>(cluster.brokers());
    others.remove(node);
    return others;
  }

  private static long most(List<Node> nodes, ToLongFunction<ReplicaStatus> what) {
    long most = 0;
    for (Node node : nodes) {
      try (var replica = new ReplicaAccess(node)) {
        most = Math.max(most, what.applyAsLong(replica.status()));
      } catch (StatusRuntimeException e) {
        throw new IllegalStateException(node.id() + " is ready and does not say how it is", e);
      }
    }
    return most;
  }

  /**
   * Takes a snapshot that ends behind an entry; behind the next one Raft's log begins there.
   *
   * @return where the snapshot ends
   */
  private static long snapshotBehind(long index, Node node) {
    boolean taken =
        Waiting.until(
            DEADLINE,
            () -> {
              if (reaches(node, ReplicaStatus::getSnapshotIndex, index + 1)) {
                return true;
              }
              askForSnapshot(node);
              return false;
            });
    if (!taken) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED,
          "%s took no snapshot behind entry %d within %s".formatted(node.id(), index, DEADLINE));
    }
    return most(List.of(node), ReplicaStatus::getSnapshotIndex);
  }

  /** Returns when it has taken one, or has refused. */
  static void askForSnapshot(Node node) {
    try (var replica = new ReplicaAccess(node)) {
      replica.takeSnapshot();
    } catch (StatusRuntimeException e) {
      LOG.debug("it has taken one just now, or was cut meanwhile: {}", node.id(), e);
    }
  }

  private static Path lastSegment(Path log) {
    return SegmentTail.segments(log).last();
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }
}
