package io.keelmq.client;

import io.grpc.ChannelCredentials;
import io.keelmq.common.HostPort;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What all parts of a client share, put together: the loop, connections, routes and calls.
 * Thread-safe.
 */
final class ClientCore {

  static final long CHANNEL_SWEEP_MILLIS = 10_000;

  private final Duration callTimeout;
  private final InstantSource clock = InstantSource.system();
  private final ClientLoop loop = new ClientLoop("keelmq-client", System::nanoTime);
  private final List<HostPort> nameServers;
  private final Channels channels;
  private final RouteCache routes;
  private final LeaderRouting routing;
  private final Calls calls;
  private final TopicLookup topics;
  private final Set<PublishLine> lines = new HashSet<>();
  private final Set<ReadSession> sessions = new HashSet<>();
  private final Set<Consumer> consumers = new HashSet<>();
  private volatile boolean closed;

  ClientCore(List<HostPort> nameServers, Duration callTimeout, ChannelCredentials credentials) {
    this.callTimeout = callTimeout;
    this.nameServers = List.copyOf(nameServers);
    channels = new Channels(credentials, loop);
    routes = new RouteCache(nameServers, loop, channels);
    routing = new LeaderRouting(loop, routes);
    calls = new Calls(loop, channels, routes, routing);
    topics = new TopicLookup(loop, routes, calls);
  }

  void start() {
    routes.start();
    loop.schedule(this::sweepChannels, CHANNEL_SWEEP_MILLIS);
  }

  Duration callTimeout() {
    return callTimeout;
  }

  InstantSource clock() {
    return clock;
  }

  ClientLoop loop() {
    return loop;
  }

  List<HostPort> nameServers() {
    return nameServers;
  }

  Channels channels() {
    return channels;
  }

  RouteCache routes() {
    return routes;
  }

  LeaderRouting routing() {
    return routing;
  }

  Calls calls() {
    return calls;
  }

  TopicLookup topics() {
    return topics;
  }

  boolean isClosed() {
    return closed;
  }

  PublishLine openLine(Producer.Builder options) {
    var line = new PublishLine(this, options);
    synchronized (this) {
      checkOpen();
      lines.add(line);
    }
    boolean started = false;
    try {
      line.start();
      started = true;
    } finally {
      if (!started) {
        line.abort("the producer was not opened");
        forget(line);
      }
    }
    return line;
  }

  ReadSession openSession(Reader.Builder options) {
    var session = new ReadSession(this, options);
    synchronized (this) {
      checkOpen();
      sessions.add(session);
    }
    boolean opened = false;
    try {
      session.open();
      opened = true;
    } finally {
      if (!opened) {
        session.close();
      }
    }
    return session;
  }

  Consumer openConsumer(Consumer.Builder options) {
    String group = topics.find(options.topic, options.openTimeout).group();
    var counters = new ConsumerCounters();
    var clock = new LeaseClock(loop::nanoTime, options.renew, options.invisible.toNanos());
    Inbox inbox =
        options.listener == null
            ? new PullInbox(loop::nanoTime, clock)
            : new ListenerPool(options, clock, counters);
    var session = new ConsumeSession(this, options, group, inbox, clock, counters);
    var consumer = new Consumer(this, options, session, inbox);
    synchronized (this) {
      checkOpen();
      consumers.add(consumer);
    }
    boolean opened = false;
    try {
      calls.join(session.start(), options.openTimeout);
      opened = true;
    } finally {
      if (!opened) {
        consumer.abandon();
      }
    }
    return consumer;
  }

  synchronized void forget(PublishLine line) {
    lines.remove(line);
  }

  synchronized void forget(ReadSession session) {
    sessions.remove(session);
  }

  synchronized void forget(Consumer consumer) {
    consumers.remove(consumer);
  }

  void close() {
    List<Consumer> openConsumers;
    List<PublishLine> openLines;
    List<ReadSession> openSessions;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      openLines = List.copyOf(lines);
      openSessions = List.copyOf(sessions);
      openConsumers = List.copyOf(consumers);
      lines.clear();
      sessions.clear();
      consumers.clear();
    }
    openLines.forEach(line -> line.abort("the client was closed"));
    openSessions.forEach(ReadSession::close);
    openConsumers.forEach(Consumer::abandon);
    routes.close();
    // Behind what the lines above handed over, so that every future is completed before.
    loop.execute(
        () -> {
          channels.close();
          loop.close();
        });
  }

  private void checkOpen() {
    if (closed) {
      throw new ClientClosed(Code.SHUTTING_DOWN, "the client is closed");
    }
  }

  private void sweepChannels() {
    if (closed) {
      return;
    }
    var wanted = routes.table().clientAddresses();
    nameServers.forEach(server -> wanted.add(server.toString()));
    channels.forgetAllBut(wanted);
    loop.schedule(this::sweepChannels, CHANNEL_SWEEP_MILLIS);
  }
}
