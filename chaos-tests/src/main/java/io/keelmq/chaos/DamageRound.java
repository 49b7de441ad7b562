package io.keelmq.chaos;

import io.grpc.StatusRuntimeException;
import io.keelmq.chaos.DamageKind.Done;
import io.keelmq.chaos.checks.Stored;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One replica is stopped, files of it are damaged, and it is started. Nobody helps it. It must come
 * to vote again with its damage gone, and serve nothing wrong until then. For one thread.
 */
final class DamageRound {

  /** For scrubs of the whole log in a few seconds, on a log of some megabytes. */
  static final String SCRUB_RATE = "64MiB";

  static final String SCRUB_PAUSE = "200ms";

  private static final Duration STOP = Duration.ofSeconds(20);
  private static final Duration DEADLINE = Duration.ofMinutes(10);

  /** So many passes, begun after its start, have seen all there is. */
  private static final long PASSES = 2;

  /**
   * What became of it.
   *
   * @param found as its metrics say, as the next three do
   * @param wrong messages served in between that were not as they were sent
   * @param refusedReads of those that were tried then
   */
  record Outcome(
      List<Done> damages,
      boolean newIncarnation,
      long found,
      long repairs,
      long scrubDamage,
      long rebuiltSidecars,
      long wrong,
      long refusedReads,
      long millis) {}

  private DamageRound() {}

  /**
   * @throws IllegalStateException if it has not come back in time
   */
  static Outcome run(
      Faults faults,
      String topic,
      Node node,
      List<DamageKind> kinds,
      DamageKind.How how,
      Random random) {
    LocalCluster cluster = faults.cluster();
    String before = peerId(node);
    cluster.stopNode(node, STOP);
    Path folder = cluster.dataDir(node);
    var damages = new ArrayList<Done>();
    for (DamageKind kind : kinds) {
      kind.damage(folder, how, random).ifPresent(damages::add);
    }
    faults.count(how + " " + kinds);
    faults.note("damaged " + node.id() + ": " + damages);
    long began = System.nanoTime();
    cluster.startNode(node);
    var wrong = new AtomicLong();
    long refused = 0;
    while (!isBack(node)) {
      if (System.nanoTime() - began > DEADLINE.toNanos()) {
        throw new IllegalStateException(
            node.id() + " is not back after " + damages + ": " + cluster.tail(node, 30));
      }
      refused += read(node, topic, wrong) ? 0 : 1;
      Waiting.until(Duration.ofMillis(500), () -> false);
    }
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    faults.note(node.id() + " is back");
    return new Outcome(
        List.copyOf(damages),
        !peerId(node).equals(before),
        metric(node, "keelmq_damage_found_total"),
        metric(node, "keelmq_damage_repairs_total"),
        metric(node, "keelmq_scrub_damage_total"),
        metric(node, "keelmq_rebuilt_sidecars_total"),
        wrong.get(),
        refused,
        millis);
  }

  /** It votes, and its data was read from end to end since it was opened. */
  private static boolean isBack(Node node) {
    Optional<ReplicaStatus> status = status(node);
    if (status.isEmpty() || !status.get().getReady()) {
      return false;
    }
    ReplicaRole role = status.get().getRole();
    return (role == ReplicaRole.FOLLOWER || role == ReplicaRole.LEADER)
        && metric(node, "keelmq_scrub_passes_total") >= PASSES
        && metric(node, "keelmq_damage_waiting") == 0
        && metric(node, "keelmq_scrub_damage_total") == 0;
  }

  /**
   * @return whether it was served to the end
   */
  private static boolean read(Node node, String topic, AtomicLong wrong) {
    try (var replica = new ReplicaAccess(node)) {
      replica.read(topic, stored -> count(stored, wrong));
      return true;
    } catch (StatusRuntimeException | IllegalStateException | UncheckedIOException e) {
      return false;
    }
  }

  private static void count(Stored stored, AtomicLong wrong) {
    if (!stored.intact()) {
      wrong.incrementAndGet();
    }
  }

  private static Optional<ReplicaStatus> status(Node node) {
    try (var replica = new ReplicaAccess(node)) {
      return Optional.of(replica.status());
    } catch (StatusRuntimeException e) {
      return Optional.empty();
    }
  }

  private static String peerId(Node node) {
    return status(node).map(ReplicaStatus::getPeerId).orElse("");
  }

  /** 0 while its page does not answer. */
  private static long metric(Node node, String name) {
    return (long) OpsPage.ifAnswered(node, name).orElse(0);
  }
}
