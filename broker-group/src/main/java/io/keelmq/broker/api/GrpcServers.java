package io.keelmq.broker.api;

import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ChannelzService;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.Effect;
import io.keelmq.common.HostPort;
import io.keelmq.edge.EdgeSecurity;
import io.keelmq.edge.SignatureCheck;
import io.keelmq.edge.TlsOrPlaintext;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The gRPC server of a replica: Streams, Admin, health, reflection and channelz on one port, over
 * TLS or plaintext as each connection begins. Owned by the composition root; nothing of it survives
 * a crash.
 */
public final class GrpcServers {

  static final int MAX_INBOUND_BYTES = 16 << 20;
  static final int FLOW_CONTROL_WINDOW_BYTES = 2 << 20;
  static final int MAX_CALLS_PER_CONNECTION = 8_192;

  /** What another protocol on this port builds on. Immutable. */
  public record Shared(
      Edge edge,
      ReplicaIdentity identity,
      ReplicaControl control,
      DeliveryPlanners planners,
      TransactionChecks checks,
      AdminChanges changes) {}

  /** Another protocol on the same port, over the same state. */
  public interface Protocol {

    ServerServiceDefinition service();

    /** What its replicas tell each other; nobody signs it. */
    ServerServiceDefinition betweenReplicas();

    /** Called on the replica's listener thread; empty when leadership changed. */
    void applied(List<Effect> effects);

    /** Ends what waits; called once, before the server is shut down. */
    void stop();
  }

  private static final Logger LOG = LoggerFactory.getLogger(GrpcServers.class);
  private static final int MAX_METADATA_BYTES = 16 << 10;
  private static final Duration KEEP_ALIVE_EVERY = Duration.ofSeconds(10);
  private static final Duration KEEP_ALIVE_TIMEOUT = Duration.ofSeconds(5);
  private static final int CHANNELZ_PAGE = 100;
  private static final int CALL_THREADS = 4;
  private static final int CALLS_WAITING = 4_096;
  private static final int READ_THREADS = 3;

  private final HostPort listen;
  private final EdgeSecurity security;
  private final Replica replica;
  private final ApiStats stats;
  private final HealthStatusManager health = new HealthStatusManager();
  private final ThreadPoolExecutor calls;
  private final ThreadPoolExecutor readers;
  private final ScheduledThreadPoolExecutor timer;
  private final LeaderForwarder forwarder = new LeaderForwarder();
  private final LeadershipWatch watch;
  private final Edge edge;
  private final ParkedReads parked = new ParkedReads();
  private final DeliveryPlanners planners;
  private final HeardChecks heard;
  private final TransactionChecks checks;
  private final StreamsService streams;
  private final AdminService admin;
  private final StorageService storage;
  private final Shared shared;
  private final List<Protocol> protocols = new CopyOnWriteArrayList<>();
  private final AtomicBoolean stopped = new AtomicBoolean();
  private Server server;

  /**
   * @param listen port 0 takes any free one; see {@link #start}
   * @param replica its state is asked only while it is initialized
   * @param nanoClock monotonic
   */
  public GrpcServers(
      HostPort listen,
      EdgeSecurity security,
      ReplicaIdentity identity,
      Replica replica,
      ReplicaControl control,
      ApiStats stats,
      LongSupplier nanoClock) {
    this.listen = listen;
    this.security = security;
    this.replica = replica;
    this.stats = stats;
    // Executors start their threads with their first task.
    this.calls =
        new ThreadPoolExecutor(
            CALL_THREADS,
            CALL_THREADS,
            10,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(CALLS_WAITING),
            named("keelmq-call"));
    // A read stream or a planner waits in the queue at most once, an opening consumer too, and they
    // are counted.
    this.readers =
        new ThreadPoolExecutor(
            READ_THREADS,
            READ_THREADS,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            named("keelmq-read"));
    this.timer = new ScheduledThreadPoolExecutor(1, named("keelmq-timer"));
    calls.allowCoreThreadTimeOut(true);
    readers.allowCoreThreadTimeOut(true);
    timer.setRemoveOnCancelPolicy(true);
    this.watch = new LeadershipWatch(replica, calls, timer);
    this.edge = new Edge(replica, watch, forwarder, timer, calls, nanoClock, stats);
    this.planners = new DeliveryPlanners(edge, readers);
    watch.add(planners::leadershipChanged);
    var changes = new AdminChanges(edge, randomOriginId());
    this.heard = new HeardChecks(edge);
    this.checks = new TransactionChecks(replica, readers, heard::add, stats);
    this.streams = new StreamsService(edge, parked, planners, readers, changes, checks);
    this.admin = new AdminService(edge, identity, control, changes, new HeldListing(edge, readers));
    this.storage = new StorageService(control);
    this.shared = new Shared(edge, identity, control, planners, checks, changes);
    setReady(false);
  }

  /** Serves another protocol too; to be called before {@link #start}. */
  public void add(Function<Shared, Protocol> protocol) {
    protocols.add(protocol.apply(shared));
  }

  private static long randomOriginId() {
    var random = new SecureRandom();
    long id = random.nextLong();
    while (id == 0) {
      id = random.nextLong();
    }
    return id;
  }

  private static ThreadFactory named(String name) {
    var number = new AtomicInteger();
    return task -> {
      var thread = new Thread(task, name + "-" + number.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  /**
   * Opens the port and serves. Health says NOT_SERVING until {@link #setReady}.
   *
   * @return the port
   * @throws IOException if the port cannot be had; the message names the address
   */
  public int start() throws IOException {
    replica.onApplied(this::applied);
    // What changed before is not told again.
    watch.changed();
    server = newServer();
    try {
      server.start();
    } catch (IOException e) {
      throw new IOException(
          "client.listen=" + listen + " cannot be opened: " + rootMessage(e) + "; is it in use?",
          e);
    }
    return server.getPort();
  }

  private static String rootMessage(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause.getMessage();
  }

  /** The one place where the server's socket is described. */
  private Server newServer() {
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(
                new InetSocketAddress(listen.host(), listen.port()), security.credentials())
            // Handlers only check and hand over; a thread of their own would cost half the
            // throughput.
            .directExecutor()
            .maxInboundMessageSize(MAX_INBOUND_BYTES)
            .maxInboundMetadataSize(MAX_METADATA_BYTES)
            .flowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
            .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
            .handshakeTimeout(TlsOrPlaintext.GREETING_WITHIN.toMillis(), TimeUnit.MILLISECONDS)
            .permitKeepAliveTime(KEEP_ALIVE_EVERY.toMillis(), TimeUnit.MILLISECONDS)
            .permitKeepAliveWithoutCalls(true)
            // Closes connections whose other end has vanished without a word.
            .keepAliveTime(KEEP_ALIVE_EVERY.toMillis(), TimeUnit.MILLISECONDS)
            .keepAliveTimeout(KEEP_ALIVE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
            .addService(WireErrors.guard(streams.bindService(), edge))
            .addService(WireErrors.guard(admin.bindService(), edge))
            .addService(WireErrors.guard(storage.bindService(), edge))
            .addService(WireErrors.guard(new ChecksService(edge, heard).bindService(), edge))
            .addService(health.getHealthService())
            .addService(ProtoReflectionServiceV1.newInstance())
            .addService(ChannelzService.newInstance(CHANNELZ_PAGE));
    var signatures = new SignatureCheck(security.users());
    for (Protocol protocol : protocols) {
      builder.addService(
          ServerInterceptors.interceptForward(
              WireErrors.guard(protocol.service(), edge), signatures));
      builder.addService(WireErrors.guard(protocol.betweenReplicas(), edge));
    }
    builder.addStreamTracerFactory(
        CallCut.tracer(protocols.stream().map(Protocol::service).toList()));
    return builder.build();
  }

  private void applied(List<Effect> effects) {
    if (effects.isEmpty()) {
      watch.changed();
    } else {
      parked.applied(effects);
      planners.applied(effects);
      checks.applied(effects);
    }
    protocols.forEach(protocol -> protocol.applied(effects));
  }

  /** What gRPC health says; true once calls sent here are served at once. Any thread. */
  public void setReady(boolean ready) {
    health.setStatus(
        HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
        ready ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  }

  public ApiStats stats() {
    return stats;
  }

  /**
   * Once: says NOT_SERVING, refuses what is new, ends streams that follow, and waits for the rest.
   *
   * @param deadline after which calls that are left are cut off
   */
  public void stop(Duration deadline) throws InterruptedException {
    if (stopped.getAndSet(true)) {
      return;
    }
    health.enterTerminalState();
    streams.stop();
    protocols.forEach(Protocol::stop);
    if (server != null) {
      server.shutdown();
      if (!server.awaitTermination(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.info("calls still open after {} are cut off", deadline);
        server.shutdownNow();
        server.awaitTermination(deadline.toMillis(), TimeUnit.MILLISECONDS);
      }
    }
    forwarder.close();
    for (ExecutorService executor : List.of(timer, calls, readers)) {
      executor.shutdownNow();
    }
  }
}
