package io.keelmq.local;

import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import io.keelmq.client.RequestRejected;
import io.keelmq.client.Unavailable;
import io.keelmq.local.ClusterFailure.Kind;
import java.time.Duration;

/** What {@code keelmq cluster init} does, by the client library. Stateless. */
public final class ClientBootstrap implements GroupBootstrap {

  private static final String GROUP = "g0";

  @Override
  public void initialize(String endpoints, int replicas, Duration deadline) {
    try (var client = KeelClient.connect(endpoints)) {
      client.admin().initGroup(GROUP, replicas, deadline);
    } catch (KeelException e) {
      Kind kind =
          e instanceof RequestRejected
              ? Kind.PRECONDITION
              : e instanceof Unavailable ? Kind.UNAVAILABLE : Kind.FAILED;
      throw new ClusterFailure(kind, "cannot initialize the broker group: " + e.getMessage(), e);
    }
  }
}
