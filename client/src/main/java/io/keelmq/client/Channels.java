package io.keelmq.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.keelmq.common.HostPort;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * One connection to each address, shared by all calls to it. Thread-safe: its map is guarded by its
 * own monitor, under which nobody else is called.
 */
final class Channels {

  /** A batch of 8 MiB, with room for what is around it. */
  static final int MAX_INBOUND_BYTES = 20 << 20;

  /** A frozen peer is noticed within the sum of both. */
  static final long KEEP_ALIVE_SECONDS = 10;

  static final long KEEP_ALIVE_TIMEOUT_SECONDS = 3;

  /** An address that left the routes for as long is not expected back. */
  static final long FORGET_AFTER_SECONDS = 60;

  private final ChannelCredentials credentials;
  private final ClientLoop loop;
  private final Map<String, Entry> open = new HashMap<>();
  private boolean closed;

  Channels(ChannelCredentials credentials, ClientLoop loop) {
    this.credentials = credentials;
    this.loop = loop;
  }

  /**
   * @param address host:port
   * @throws ClientClosed after {@link #close}
   */
  synchronized ManagedChannel at(String address) {
    if (closed) {
      throw new ClientClosed(io.keelmq.v1.Code.SHUTTING_DOWN, "the client is closed");
    }
    Entry entry = open.get(address);
    if (entry == null) {
      entry = new Entry(connect(address));
      open.put(address, entry);
    }
    entry.lastWantedNanos = loop.nanoTime();
    return entry.channel;
  }

  /** Lets waiting reconnects try at once: something changed, so that an old failure says little. */
  void hurry(Set<String> addresses) {
    var hurried = new HashSet<ManagedChannel>();
    synchronized (this) {
      for (String address : addresses) {
        Entry entry = open.get(address);
        if (entry != null) {
          hurried.add(entry.channel);
        }
      }
    }
    hurried.forEach(ManagedChannel::resetConnectBackoff);
  }

  /** Closes connections to addresses that left the routes long ago. */
  void forgetAllBut(Set<String> addresses) {
    var gone = new HashSet<ManagedChannel>();
    long now = loop.nanoTime();
    synchronized (this) {
      for (Iterator<Map.Entry<String, Entry>> all = open.entrySet().iterator(); all.hasNext(); ) {
        Map.Entry<String, Entry> each = all.next();
        if (addresses.contains(each.getKey())) {
          each.getValue().lastWantedNanos = now;
        } else if (now - each.getValue().lastWantedNanos
            > TimeUnit.SECONDS.toNanos(FORGET_AFTER_SECONDS)) {
          gone.add(each.getValue().channel);
          all.remove();
        }
      }
    }
    gone.forEach(ManagedChannel::shutdownNow);
  }

  void close() {
    var all = new HashSet<ManagedChannel>();
    synchronized (this) {
      closed = true;
      open.values().forEach(entry -> all.add(entry.channel));
      open.clear();
    }
    all.forEach(ManagedChannel::shutdownNow);
  }

  private ManagedChannel connect(String address) {
    HostPort place = HostPort.parse(address);
    return Grpc.newChannelBuilderForAddress(place.host(), place.port(), credentials)
        // Callbacks only hand over to the loop or to a bounded queue.
        .directExecutor()
        .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
        .keepAliveTimeout(KEEP_ALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
        .maxInboundMessageSize(MAX_INBOUND_BYTES)
        // Ours are the retries: gRPC's own would buffer and repeat behind the sequences' back.
        .disableRetry()
        .build();
  }

  private static final class Entry {
    final ManagedChannel channel;
    long lastWantedNanos;

    Entry(ManagedChannel channel) {
      this.channel = channel;
    }
  }
}
