package io.keelmq.chaos;

import io.keelmq.local.LocalCluster;
import io.keelmq.local.Seed;
import java.time.Duration;
import java.util.Optional;

/**
 * One run: its workload, its seed and what it takes to count. Immutable.
 *
 * @param minOks acknowledged sends; with fewer the run has proved nothing and fails
 * @param minFaults injected faults, likewise
 * @param drainDeadline how long the reader may take to get what was acknowledged, and the replicas
 *     to come to a common index
 * @param startDeadline how long nodes may take to be ready
 */
record ChaosPlan(
    String name,
    Seed seed,
    WorkloadOptions workload,
    long minOks,
    int minFaults,
    Duration drainDeadline,
    Duration startDeadline) {

  private static final Duration DRAIN_DEADLINE = Duration.ofSeconds(60);

  ChaosPlan(String name, Seed seed, WorkloadOptions workload, long minOks, int minFaults) {
    this(name, seed, workload, minOks, minFaults, DRAIN_DEADLINE);
  }

  ChaosPlan(
      String name,
      Seed seed,
      WorkloadOptions workload,
      long minOks,
      int minFaults,
      Duration drainDeadline) {
    this(name, seed, workload, minOks, minFaults, drainDeadline, LocalCluster.START_DEADLINE);
  }

  /** What happens to the cluster while the workload runs. */
  @FunctionalInterface
  interface Scenario {
    void inject(Faults faults);
  }

  /** One that also reads what the clients have seen so far. */
  @FunctionalInterface
  interface WatchingScenario {
    void inject(Faults faults, History history);
  }

  /** The seed of {@code -Dseed=}, else a new one. */
  static Seed givenOrNewSeed() {
    return Seed.givenOrFresh(Optional.ofNullable(Long.getLong("seed")));
  }
}
