package io.keelmq.local;

import java.time.Duration;

/** Makes a broker group out of replicas that wait for it. */
@FunctionalInterface
public interface GroupBootstrap {

  /**
   * Does what {@code keelmq cluster init} does; nothing if it was done.
   *
   * @param endpoints of the name servers, {@code host:port,host:port}
   * @throws ClusterFailure with what to do
   */
  void initialize(String endpoints, int replicas, Duration deadline);
}
