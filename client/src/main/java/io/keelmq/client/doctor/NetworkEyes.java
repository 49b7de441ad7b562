package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.doctor.Sight.AddressSeen;
import io.keelmq.client.doctor.Sight.Place;
import io.keelmq.common.HostPort;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

/** Looks from this machine: by the client, by connecting, and at operators' pages. Stateless. */
public final class NetworkEyes implements Examination.Eyes {

  private static final int TIMEOUT_MILLIS = 2_000;

  /** A metrics page is some hundred lines; more is not one. */
  private static final int MAX_LINES = 50_000;

  private final Supplier<ClusterStatus> status;
  private final InstantSource clock;

  public NetworkEyes(Supplier<ClusterStatus> status, InstantSource clock) {
    this.status = status;
    this.clock = clock;
  }

  @Override
  public Sight look() {
    ClusterStatus now = status.get();
    Map<String, AddressSeen> addresses = new TreeMap<>();
    Map<String, OpsPage> pages = new TreeMap<>();
    for (var group : now.groups()) {
      for (ReplicaState replica : group.replicas()) {
        for (String address : Sight.addressesOf(replica.route())) {
          addresses.computeIfAbsent(address, NetworkEyes::seen);
        }
        String ops = replica.route().getOpsAddress();
        if (addresses.containsKey(ops) && addresses.get(ops).problem().isEmpty()) {
          page(ops).ifPresent(page -> pages.put(ops, page));
        }
      }
    }
    return new Sight(now, addresses, pages);
  }

  private static AddressSeen seen(String text) {
    Optional<HostPort> parsed = Sight.parsed(text);
    if (parsed.isEmpty()) {
      return new AddressSeen(Place.UNRESOLVED, "it is not host:port");
    }
    HostPort address = parsed.get();
    InetAddress host;
    try {
      host = InetAddress.getByName(address.host());
    } catch (UnknownHostException e) {
      return new AddressSeen(Place.UNRESOLVED, "the name " + address.host() + " is not known");
    }
    Place place =
        host.isAnyLocalAddress()
            ? Place.WILDCARD
            : host.isLoopbackAddress() ? Place.LOOPBACK : Place.REMOTE;
    try (var socket = new Socket()) {
      socket.connect(new InetSocketAddress(host, address.port()), TIMEOUT_MILLIS);
      return new AddressSeen(place, "");
    } catch (IOException e) {
      return new AddressSeen(place, String.valueOf(e.getMessage()));
    }
  }

  private Optional<OpsPage> page(String address) {
    HttpURLConnection connection = null;
    try {
      connection =
          (HttpURLConnection) URI.create("http://" + address + "/metrics").toURL().openConnection();
      connection.setConnectTimeout(TIMEOUT_MILLIS);
      connection.setReadTimeout(TIMEOUT_MILLIS);
      long asked = clock.millis();
      try (var lines =
          new BufferedReader(
              new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8))) {
        var read = lines.lines().limit(MAX_LINES).toList();
        return Optional.of(new OpsPage(read, asked, clock.millis()));
      }
    } catch (IOException | RuntimeException e) {
      // Whoever answers on that port is no operators' page: what it would tell is not told.
      return Optional.empty();
    } finally {
      if (connection != null) {
        connection.disconnect();
      }
    }
  }
}
