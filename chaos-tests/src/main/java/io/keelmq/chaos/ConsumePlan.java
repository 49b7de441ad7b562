package io.keelmq.chaos;

import io.keelmq.local.LocalCluster;
import io.keelmq.local.Seed;
import java.time.Duration;

/**
 * A run with lease consumers: its seed, its load and what it takes to count. Immutable.
 *
 * @param ratePerSecond sends of a lane of messages that do not wait
 * @param consumerProcesses each has a consumer of every {@link Crew}
 * @param minOks acknowledged sends; with fewer the run has proved nothing and fails
 * @param minDeliveries to lease consumers, likewise
 * @param minFaults of brokers and of consumer processes together, likewise
 * @param tolerance by which timers and messages that became visible may be later than promised:
 *     none on a machine of its own; on one that others use, a broker's thread waits for the
 *     processor without any answer being slow
 * @param startDeadline how long nodes and consumers may take to be ready
 */
record ConsumePlan(
    String name,
    Seed seed,
    int ratePerSecond,
    int consumerProcesses,
    long minOks,
    long minDeliveries,
    int minFaults,
    Duration tolerance,
    Duration startDeadline) {

  ConsumePlan(
      String name,
      Seed seed,
      int ratePerSecond,
      int consumerProcesses,
      long minOks,
      long minDeliveries,
      int minFaults,
      Duration tolerance) {
    this(
        name,
        seed,
        ratePerSecond,
        consumerProcesses,
        minOks,
        minDeliveries,
        minFaults,
        tolerance,
        LocalCluster.START_DEADLINE);
  }

  /** What happens to the processes while the workload runs. */
  @FunctionalInterface
  interface Scenario {
    void inject(Faults faults, ConsumerProcesses consumers);
  }
}
