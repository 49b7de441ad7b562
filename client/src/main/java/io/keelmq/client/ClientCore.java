package io.keelmq.client;

import io.grpc.ChannelCredentials;
import io.keelmq.common.HostPort;
import java.time.Duration;
import java.util.List;

/** What all parts of a client share. */
final class ClientCore {
  private final Duration callTimeout;

  ClientCore(List<HostPort> nameServers, Duration callTimeout, ChannelCredentials credentials) {
    this.callTimeout = callTimeout;
  }

  Duration callTimeout() {
    return callTimeout;
  }

  PublishLine openLine(Producer.Builder options) {
    throw new UnsupportedOperationException();
  }

  ReadSession openSession(Reader.Builder options) {
    throw new UnsupportedOperationException();
  }

  void close() {}
}
