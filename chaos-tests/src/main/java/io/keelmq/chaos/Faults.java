package io.keelmq.chaos;

import io.keelmq.common.Durations;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.Seed;
import io.keelmq.local.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Injects the faults of a run and writes down which and when. Owned by the thread that drives the
 * run. Its moments are conditions: "after so many more acks", drawn from the run's seed.
 */
final class Faults {

  private final LocalCluster cluster;
  private final LongSupplier oks;
  private final Random random;
  private final long startNanos = System.nanoTime();
  private final List<Long> moments = new ArrayList<>();
  private final List<String> schedule = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final Map<String, Integer> kinds = new TreeMap<>();

  /**
   * @param oks how many sends were acknowledged so far
   */
  Faults(LocalCluster cluster, LongSupplier oks, Seed seed) {
    this.cluster = cluster;
    this.oks = oks;
    this.random = seed.random();
  }

  LocalCluster cluster() {
    return cluster;
  }

  /** Sends of the run's own workload that were acknowledged so far. */
  long oks() {
    return oks.getAsLong();
  }

  /** Nanoseconds of each fault, rising. */
  List<Long> moments() {
    return List.copyOf(moments);
  }

  List<String> schedule() {
    return List.copyOf(schedule);
  }

  /** SIGKILL; the moment is that before the signal. */
  void kill(Node... nodes) {
    kill(List.of(nodes));
  }

  void kill(Collection<Node> nodes) {
    moments.add(System.nanoTime());
    note("kill -9 " + ids(nodes));
    cluster.killAll(nodes);
  }

  /** Kills a broker, deletes its data and starts it again; does not wait for it. */
  void wipe(Node node) {
    moments.add(System.nanoTime());
    count("wipe");
    note("wipe " + node.id());
    cluster.wipe(node, Duration.ZERO);
  }

  void awaitVoter(Node node) {
    cluster.awaitVoter(node, LocalCluster.START_DEADLINE);
    note(node.id() + " votes");
  }

  /** Counts a fault of this kind, which follows. */
  void count(String kind) {
    kinds.merge(kind, 1, Integer::sum);
  }

  /** Sends may stand still from now on, for a fault that is no kill. */
  void disturb() {
    moments.add(System.nanoTime());
  }

  /** What the scenario itself found broken; the run does not hold. */
  void problem(String what) {
    problems.add(what);
  }

  List<String> problems() {
    return List.copyOf(problems);
  }

  /** How often which kind of fault was counted. */
  Map<String, Integer> kinds() {
    return Map.copyOf(kinds);
  }

  void startAndAwait(Node node) {
    note("start " + node.id());
    cluster.startNode(node);
    cluster.awaitReady(List.of(node), LocalCluster.START_DEADLINE);
    note(node.id() + " is ready");
  }

  /** All at once, then waits for all. */
  void startAll(Collection<Node> nodes) {
    startAll(nodes, LocalCluster.START_DEADLINE);
  }

  void startAll(Collection<Node> nodes, Duration deadline) {
    note("start " + ids(nodes));
    nodes.forEach(cluster::startNode);
    cluster.awaitReady(nodes, deadline);
    note(ids(nodes) + " ready");
  }

  /**
   * Waits until that many more sends are acknowledged than now.
   *
   * @throws IllegalStateException if that takes longer than the deadline: the cluster stands still
   */
  void awaitMoreOks(long count, Duration deadline) {
    long target = oks.getAsLong() + count;
    boolean reached = Waiting.until(deadline, () -> oks.getAsLong() >= target);
    if (!reached) {
      throw new IllegalStateException(
          "only "
              + (oks.getAsLong() - target + count)
              + " sends were acknowledged in "
              + Durations.text(deadline)
              + ", expected "
              + count
              + "; so far: "
              + schedule);
    }
  }

  /**
   * Waits until something is so.
   *
   * @param what names it, for the error
   * @throws IllegalStateException if that takes longer than the deadline
   */
  void await(String what, Duration deadline, BooleanSupplier condition) {
    if (!Waiting.until(deadline, condition)) {
      throw new IllegalStateException(
          "within " + Durations.text(deadline) + " not seen: " + what + "; so far: " + schedule);
    }
  }

  /** Between {@code from} (inclusive) and {@code to} (exclusive), from the run's seed. */
  int draw(int from, int to) {
    return from + random.nextInt(to - from);
  }

  void note(String what) {
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    schedule.add(String.format(Locale.ROOT, "%.2fs %s", seconds, what));
  }

  private static String ids(Collection<Node> nodes) {
    return String.join(",", nodes.stream().map(Node::id).toList());
  }
}
