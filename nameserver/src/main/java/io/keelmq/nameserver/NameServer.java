package io.keelmq.nameserver;

import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ChannelzService;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.common.Metrics;
import io.keelmq.common.OpsServer;
import io.keelmq.edge.EdgeSecurity;
import io.keelmq.edge.SignatureCheck;
import io.keelmq.edge.TlsOrPlaintext;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReportReply;
import io.keelmq.v1.Routes;
import io.keelmq.v1.WatchRoutesRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One running name server: the composition of its parts and their life. Thread-safe.
 *
 * <p>Calls run on gRPC's event loops: each only takes the directory's lock for short, so there is
 * no pool to fill and no queue to bound.
 */
final class NameServer implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(NameServer.class);

  private static final long TICK_MILLIS = 250;
  private static final int MAX_MESSAGE_BYTES = 4 << 20;
  private static final int MAX_METADATA_BYTES = 8 << 10;
  private static final int MAX_CALLS_PER_CONNECTION = 256;
  private static final int CHANNELZ_PAGE = 100;
  private static final long KEEP_ALIVE_SECONDS = 10;
  private static final long STOP_MILLIS = 2_000;

  private final NameServerOptions options;
  private final EdgeSecurity security;
  private final RouteDirectory directory;
  private final RouteService routeService;
  private final RegistryService registryService;
  private final RouteQueries queries;
  private final BrokerChannels channels = new BrokerChannels();
  private final SdkService sdkService;
  private final OpsServer ops;
  private final HealthStatusManager health = new HealthStatusManager();
  private final ScheduledExecutorService routesThread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            var thread = new Thread(task, "routes");
            thread.setDaemon(true);
            return thread;
          });
  private volatile Server server;
  private volatile boolean stopping;

  /**
   * @param clockMillis never goes back; of any origin
   */
  NameServer(
      NameServerOptions options, EdgeSecurity security, LongSupplier clockMillis, Metrics metrics) {
    this.options = options;
    this.security = security;
    this.directory = new RouteDirectory(options, clockMillis, this::routesChanged);
    this.routeService = new RouteService(directory, this::onRoutesThread, metrics);
    this.registryService = new RegistryService(directory, clockMillis, metrics);
    this.queries = new RouteQueries(directory, this::onRoutesThread, clockMillis);
    this.sdkService = new SdkService(directory, queries, channels, routesThread, clockMillis);
    this.ops =
        new OpsServer(options.opsListen(), metrics, () -> OpsServer.Health.SOUND, this::readiness);
    register(metrics);
  }

  /**
   * Returns when the ports are open.
   *
   * @throws IOException whose message names the port and what to do, if one cannot be listened on
   */
  void start() throws IOException {
    HostPort listen = options.listen();
    InetSocketAddress address;
    try {
      address = new InetSocketAddress(InetAddress.getByName(listen.host()), listen.port());
    } catch (UnknownHostException e) {
      throw new IOException(
          "cannot listen on %s: the host has no address; set listen to one of this machine's"
              .formatted(listen),
          e);
    }
    Server built =
        NettyServerBuilder.forAddress(address, security.credentials())
            .addService(new Calls())
            .addService(
                ServerInterceptors.interceptForward(
                    sdkService, new SignatureCheck(security.users()), SdkCaller.reader()))
            .addService(health.getHealthService())
            .addService(ProtoReflectionServiceV1.newInstance())
            .addService(ChannelzService.newInstance(CHANNELZ_PAGE))
            .directExecutor()
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .maxInboundMetadataSize(MAX_METADATA_BYTES)
            .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
            .handshakeTimeout(TlsOrPlaintext.GREETING_WITHIN.toMillis(), TimeUnit.MILLISECONDS)
            .permitKeepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            // A peer that lost its power does not say goodbye; without pings it is held for ever.
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .build();
    try {
      server = built.start();
    } catch (IOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(
          "cannot listen on %s for brokers and clients: %s; stop what uses the port or set listen"
              .formatted(listen, cause.getMessage()),
          e);
    }
    ops.start();
    routesThread.scheduleWithFixedDelay(
        this::tickSafely, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** The port that brokers and clients reach, also if any free one was asked for. */
  int port() {
    return server.getPort();
  }

  int opsPort() {
    return ops.port();
  }

  /** Lets the directory look at the clock now, as it does by itself a few times a second. */
  void tick() {
    directory.tick();
  }

  /**
   * Tells health checks and watchers first, so that clients are at another name server when the
   * port closes. Bears with parts that never started, and with being called again.
   */
  @Override
  public void close() {
    synchronized (this) {
      if (stopping) {
        return;
      }
      stopping = true;
    }
    health.enterTerminalState();
    onRoutesThread(routeService::close);
    onRoutesThread(queries::close);
    Server running = server;
    if (running != null) {
      running.shutdown();
      try {
        // Replicas hold their streams open for as long as they live: there is no end to wait for.
        if (!running.awaitTermination(STOP_MILLIS / 4, TimeUnit.MILLISECONDS)) {
          running.shutdownNow();
          running.awaitTermination(STOP_MILLIS, TimeUnit.MILLISECONDS);
        }
      } catch (InterruptedException e) {
        running.shutdownNow();
        Thread.currentThread().interrupt();
      }
    }
    routesThread.shutdownNow();
    channels.close();
    ops.close();
  }

  private void tickSafely() {
    try {
      directory.tick();
      queries.answerHeld();
    } catch (RuntimeException e) {
      // A thread's root: an exception that left here would silently end all ticks.
      log.error("tick failed: silent replicas may stay in the routes", e);
    }
  }

  private void routesChanged() {
    routeService.changed();
    onRoutesThread(queries::answerHeld);
  }

  private void onRoutesThread(Runnable task) {
    try {
      routesThread.execute(task);
    } catch (RejectedExecutionException e) {
      log.debug("left out while stopping", e);
    }
  }

  private OpsServer.Readiness readiness() {
    if (stopping) {
      return new OpsServer.Readiness(false, "NAME_SERVER", "stopping");
    }
    return new OpsServer.Readiness(
        true, "NAME_SERVER", directory.isWarmingUp() ? "warming up: routes may be incomplete" : "");
  }

  private void register(Metrics metrics) {
    metrics.gauge(
        "keelmq_nameserver_groups", "Broker groups known.", () -> directory.gauges().size());
    metrics.gauges(
        "keelmq_nameserver_replicas",
        "Replicas that report, by group.",
        callback -> directory.gauges().forEach(g -> callback.call(g.replicas(), g.group())),
        "group");
    metrics.gauges(
        "keelmq_nameserver_group_term",
        "The highest term heard of, by group.",
        callback -> directory.gauges().forEach(g -> callback.call((double) g.term(), g.group())),
        "group");
    metrics.gauges(
        "keelmq_nameserver_leader_known",
        "1 if the leader of the highest term is known, by group.",
        callback ->
            directory.gauges().forEach(g -> callback.call(g.leaderKnown() ? 1 : 0, g.group())),
        "group");
    metrics.gauge(
        "keelmq_nameserver_warming_up",
        "1 while routes may be incomplete after the start.",
        () -> directory.isWarmingUp() ? 1 : 0);
  }

  /** The gRPC service, handing each call to the part that knows. */
  private final class Calls extends NameServerGrpc.NameServerImplBase {

    @Override
    public StreamObserver<ReplicaReport> report(StreamObserver<ReportReply> replies) {
      return registryService.open(replies);
    }

    @Override
    public void watchRoutes(WatchRoutesRequest request, StreamObserver<Routes> routes) {
      routeService.watch(routes);
    }

    @Override
    public void getRoutes(GetRoutesRequest request, StreamObserver<Routes> routes) {
      routeService.get(routes);
    }
  }
}
