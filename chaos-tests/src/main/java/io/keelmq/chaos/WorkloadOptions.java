package io.keelmq.chaos;

import java.time.Duration;

/**
 * What the clients of a run do. Immutable.
 *
 * @param keysPerProducer a producer's keys are its own
 * @param minBodyBytes at least {@link Payload#MIN_BYTES}
 * @param ratePerProducer sends a second, kept up whatever the answers do (open loop) as far as
 *     {@code maxInFlight} lets it; 0: as many as that lets it
 * @param maxInFlight sends of one producer that wait for their answers
 */
record WorkloadOptions(
    int producers,
    int keysPerProducer,
    int queues,
    int minBodyBytes,
    int maxBodyBytes,
    int ratePerProducer,
    int maxInFlight,
    Duration deliveryTimeout) {

  WorkloadOptions {
    if (minBodyBytes < Payload.MIN_BYTES || maxBodyBytes < minBodyBytes) {
      throw new IllegalArgumentException(
          "bodies of "
              + minBodyBytes
              + " to "
              + maxBodyBytes
              + " bytes: at least "
              + Payload.MIN_BYTES
              + " are needed");
    }
  }

  static WorkloadOptions standard() {
    return new WorkloadOptions(3, 8, 4, 64, 1024, 500, 512, Duration.ofSeconds(60));
  }

  WorkloadOptions withDeliveryTimeout(Duration timeout) {
    return new WorkloadOptions(
        producers,
        keysPerProducer,
        queues,
        minBodyBytes,
        maxBodyBytes,
        ratePerProducer,
        maxInFlight,
        timeout);
  }
}
