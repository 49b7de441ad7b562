package io.keelmq.chaos;

/**
 * One run: its workload, its seed and what it takes to count. Immutable.
 *
 * @param minOks acknowledged sends; with fewer the run has proved nothing and fails
 * @param minFaults injected faults, likewise
 */
record ChaosPlan(String name, long seed, WorkloadOptions workload, long minOks, int minFaults) {

  /** What happens to the cluster while the workload runs. */
  @FunctionalInterface
  interface Scenario {
    void inject(Faults faults);
  }

  /** The seed of {@code -Dseed=}, else a new one. */
  static long givenOrNewSeed() {
    return Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
  }
}
