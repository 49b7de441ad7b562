package io.keelmq.nameserver;

import io.keelmq.common.HostPort;
import io.keelmq.common.Settings;
import io.keelmq.edge.EdgeSecurity;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a name server is configured with. Immutable.
 *
 * @param warmUp for how long after the start the routes say that they may be incomplete
 * @param replicaExpiry after how long a silence a replica drops out
 * @param security how clients are let in
 */
record NameServerOptions(
    HostPort listen,
    HostPort opsListen,
    Duration warmUp,
    Duration replicaExpiry,
    EdgeSecurity.Options security) {

  private static final List<Settings.Key> OWN_KEYS =
      List.of(
          Settings.key("listen", "127.0.0.1:9876", "where brokers and clients connect (gRPC)"),
          Settings.key("ops.listen", "127.0.0.1:9877", "/metrics, /health and /ready (HTTP)"),
          Settings.key("warm.up", "3s", "how long after the start routes may be incomplete"),
          Settings.key("replica.expiry", "4s", "a silent replica drops out after this"));

  static final List<Settings.Key> KEYS =
      Stream.concat(OWN_KEYS.stream(), EdgeSecurity.KEYS.stream()).toList();

  /** Throws ConfigurationException. */
  static NameServerOptions from(Settings settings) {
    var options =
        new NameServerOptions(
            settings.hostPort("listen"),
            settings.hostPort("ops.listen"),
            settings.duration("warm.up", Duration.ZERO, Duration.ofMinutes(5)),
            // Replicas report every second: less would drop them for one late report.
            settings.duration("replica.expiry", Duration.ofSeconds(2), Duration.ofMinutes(5)),
            EdgeSecurity.Options.of(settings));
    if (options.listen.port() != 0 && options.listen.equals(options.opsListen)) {
      throw settings.bad("ops.listen", "another port than listen has");
    }
    return options;
  }
}
