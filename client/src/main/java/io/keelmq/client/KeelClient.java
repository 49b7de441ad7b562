package io.keelmq.client;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.keelmq.common.HostPort;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The door to a cluster: connections, routes and one thread, shared by the producers, consumers,
 * readers and admins made from it. Thread-safe; one per application is enough.
 *
 * <p>Routes come from the name servers and are pushed. A replica or a name server that dies, or a
 * change of leader, costs time and no error, as long as a majority of the group and the routes once
 * heard of remain.
 */
public final class KeelClient implements AutoCloseable {

  /** No cluster has more name servers than this. */
  static final int MAX_ENDPOINTS = 32;

  private final ClientCore core;

  private KeelClient(Builder from) {
    core = new ClientCore(from.endpoints, from.callTimeout, from.credentials);
    core.start();
  }

  /**
   * A client with default options.
   *
   * @param endpoints name servers, {@code "host:port,host:port"}
   */
  public static KeelClient connect(String endpoints) {
    return builder().endpoints(endpoints).build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** A producer to configure and open. */
  public Producer.Builder producer() {
    return new Producer.Builder(core);
  }

  /** A reader of one topic to configure and open. */
  public Reader.Builder reader(String topic) {
    return new Reader.Builder(core, topic);
  }

  /** Delayed and half messages by their ids, within the client's call timeout. */
  public HeldMessages heldMessages() {
    return new HeldMessages(core, core.callTimeout());
  }

  /** A consumer of a lease group to configure and open. */
  public Consumer.Builder consumer() {
    return new Consumer.Builder(core);
  }

  /** Administration within the client's call timeout. */
  public Admin admin() {
    return new Admin(core, core.callTimeout());
  }

  /**
   * Closes all producers (without waiting for what they hold: call {@link Producer#flush} first),
   * consumers (as {@link Consumer#abandon} does: close them first), readers and connections.
   * Messages not settled yet end in {@link OutcomeUnknown} where they were handed to a replica, in
   * {@link ClientClosed} where not. Idempotent.
   */
  @Override
  public void close() {
    core.close();
  }

  /** Collects a client's options. For one thread. */
  public static final class Builder {

    private List<HostPort> endpoints = List.of(new HostPort("127.0.0.1", 9876));
    private Duration callTimeout = Duration.ofSeconds(10);
    private ChannelCredentials credentials = InsecureChannelCredentials.create();

    private Builder() {}

    /**
     * Name servers, {@code "host:port,host:port"}; default {@code 127.0.0.1:9876}.
     *
     * @throws IllegalArgumentException with what was expected and found
     */
    public Builder endpoints(String nameServers) {
      var parsed = new ArrayList<HostPort>();
      for (String part : nameServers.split("[,;]", -1)) {
        if (!part.isBlank()) {
          parsed.add(HostPort.parse(part.strip()));
        }
      }
      if (parsed.isEmpty() || parsed.size() > MAX_ENDPOINTS) {
        throw new IllegalArgumentException(
            "endpoints \"%s\": expected 1 to %d name servers, host:port,host:port"
                .formatted(nameServers, MAX_ENDPOINTS));
      }
      endpoints = parsed.stream().distinct().toList();
      return this;
    }

    /** How long calls of {@link Admin} and the opening of readers may take; default 10 s. */
    public Builder callTimeout(Duration timeout) {
      callTimeout = Options.positive("callTimeout", timeout);
      return this;
    }

    /** How connections are secured; default: plaintext. */
    public Builder credentials(ChannelCredentials credentials) {
      this.credentials = Objects.requireNonNull(credentials);
      return this;
    }

    /** Returns at once; connections are made in the background. */
    public KeelClient build() {
      return new KeelClient(this);
    }
  }
}
