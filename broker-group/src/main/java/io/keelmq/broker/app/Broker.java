package io.keelmq.broker.app;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.api.ApiStats;
import io.keelmq.broker.api.GrpcServers;
import io.keelmq.broker.api.OwnStatus;
import io.keelmq.broker.api.ReplicaIdentity;
import io.keelmq.broker.raft.Damage;
import io.keelmq.broker.raft.DamagedFolder;
import io.keelmq.broker.raft.RaftReplica;
import io.keelmq.broker.raft.RaftReplicaOptions;
import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.broker.registry.GroupProbe;
import io.keelmq.broker.registry.JoinAgent;
import io.keelmq.broker.registry.RegistryAgent;
import io.keelmq.broker.rocketmq.RocketmqProtocol;
import io.keelmq.broker.state.Effect;
import io.keelmq.common.Metrics;
import io.keelmq.common.OpsServer;
import io.keelmq.common.Shutdown;
import io.keelmq.edge.EdgeSecurity;
import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The composition root: makes the parts of a broker, connects them, starts them in order and ends
 * them in the order in which others should notice.
 *
 * <p>A part that cannot go on ends the process; whoever supervises it starts it again, and the
 * group goes on meanwhile. Of a disk that was full, or failed once, the replica recovers within the
 * process: see {@link DiskRepair}; and of damaged data, see {@link DamageRepair}.
 */
final class Broker {

  private static final Logger LOG = LoggerFactory.getLogger(Broker.class);

  private static final Duration LEAVE_WITHIN = Duration.ofSeconds(3);
  private static final Duration STOP_CALLS_WITHIN = Duration.ofSeconds(3);
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(15);
  private static final Duration STEP_MARGIN = Duration.ofSeconds(4);
  private static final long READINESS_MILLIS = 200;
  private static final String TLS_FOLDER = "tls";

  private final BrokerOptions options;
  private final Shutdown shutdown;
  private final InstantSource wall;
  private final LongSupplier nanos;
  private final String version;
  private final Disk disk;
  private final DamageRepair damage;
  private final DiskRepair repair;

  /** Null before the first replica is open. */
  private volatile RaftReplica current;

  /** Guarded by this. */
  private boolean starting;

  /** What failed while the parts were being started. Guarded by this. */
  private Optional<Throwable> failedMeanwhile = Optional.empty();

  Broker(
      BrokerOptions options,
      Shutdown shutdown,
      InstantSource wall,
      LongSupplier nanos,
      String version,
      Disk disk) {
    this.options = options;
    this.shutdown = shutdown;
    this.wall = wall;
    this.nanos = nanos;
    this.version = version;
    this.disk = disk;
    this.damage =
        new DamageRepair(
            replicaOptions(Duration.ZERO), this::lackWithout, this::show, shutdown, nanos);
    this.repair =
        new DiskRepair(
            options.dataFolder(),
            options.storage(),
            shutdown,
            nanos,
            this::start,
            damage,
            this::handOver);
  }

  /**
   * Opens the data folder and every port. Returns when clients can connect, not when the group has
   * a leader.
   *
   * @throws IOException if a port or the data folder cannot be used
   * @throws UnusableFolderException if the data folder is not this replica's, or is damaged
   */
  void start() throws IOException, UnusableFolderException {
    start(Duration.ZERO);
  }

  /**
   * @param standAfter how long this replica does not stand for election
   */
  private void start(Duration standAfter) throws IOException, UnusableFolderException {
    synchronized (this) {
      starting = true;
    }
    boolean started = false;
    try {
      startParts(standAfter);
      started = true;
    } finally {
      endStart(started);
    }
  }

  private void startParts(Duration standAfter) throws IOException, UnusableFolderException {
    if (!options.syncToDisk()) {
      LOG.warn(
          "log.sync=os: acknowledged messages are NOT forced to disk. A power loss of a majority of"
              + " replicas can take them back. Set log.sync=fsync for messages that matter.");
    }
    RaftReplica replica = damage.open(() -> open(standAfter));
    current = replica;
    var identity =
        new ReplicaIdentity(
            options.brokerGroup(),
            options.node(),
            options.clientAdvertised().toString(),
            options.raftAdvertised().toString(),
            options.opsAdvertised().toString(),
            version,
            wall.millis());
    var stats = new ApiStats();
    // After the folder is known to be this replica's.
    var security =
        EdgeSecurity.open(
            options.security(),
            Optional.of(options.dataFolder().resolve(TLS_FOLDER)),
            List.of(options.clientAdvertised().host(), options.clientListen().host()),
            wall.instant());
    var servers =
        new GrpcServers(options.clientListen(), security, identity, replica, replica, stats, nanos);
    servers.add(shared -> new RocketmqProtocol(shared, options.rocketmq(), wall));
    var registry =
        new RegistryAgent(
            options.nameServers(),
            new ReplicaReports(identity, replica, replica),
            () -> ThreadLocalRandom.current().nextDouble());
    var joining =
        new JoinAgent(
            options.nameServers(),
            new ReplicaJoiner(replica.membership(), identity.clientAddress()));
    var diskReports = new DiskReports(options.node(), replica, replica);
    var digests =
        new DigestWatch(
            options.node(), replica, replica, new OwnStatus(identity, replica, replica));
    var ops =
        new OpsServer(
            options.opsListen(),
            metrics(replica, stats, digests),
            () -> OpsServer.Health.SOUND,
            () -> readiness(replica));
    var levels = new LevelWatch(options.node(), replica, replica);
    ScheduledExecutorService readinessTimer =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              var thread = new Thread(task, "readiness");
              thread.setDaemon(true);
              return thread;
            });

    // Leadership goes first, while this replica can still answer; then it goes out of sight.
    step("hand over leadership", LEAVE_WITHIN, () -> replica.leaveGracefully(LEAVE_WITHIN));
    step("stop asking for a place", LEAVE_WITHIN, joining::close);
    step("leave the name servers", LEAVE_WITHIN, registry::close);
    step("end calls", STOP_CALLS_WITHIN.multipliedBy(2), () -> servers.stop(STOP_CALLS_WITHIN));
    // Before the replica: what it writes must not come behind the folder's next owner.
    step("compare digests no more", LEAVE_WITHIN, digests::close);
    step("close the replica", CLOSE_WITHIN, replica::close);
    step("end readiness", LEAVE_WITHIN, readinessTimer::shutdownNow);
    step("end words to the leader", LEAVE_WITHIN, diskReports::close);
    step("ask for feature levels no more", LEAVE_WITHIN, levels::close);
    step("close the operators' port", LEAVE_WITHIN, ops::close);

    replica.onApplied(effects -> tellRegistry(registry, effects));
    int port = servers.start();
    // After the port for clients: whoever is told here that this broker is ready may call it.
    ops.start();
    registry.start();
    joining.start();
    digests.start();
    levels.start();
    readinessTimer.scheduleWithFixedDelay(
        () -> servers.setReady(replica.status().ready()),
        0,
        READINESS_MILLIS,
        TimeUnit.MILLISECONDS);
    readinessTimer.scheduleWithFixedDelay(
        diskReports::report, 0, DiskReports.INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
    LOG.info(
        "broker started node={} group={} client={}:{} raft={} ops={}:{} role={}",
        options.node(),
        options.brokerGroup(),
        options.clientListen().host(),
        port,
        options.raftListen(),
        options.opsListen().host(),
        ops.port(),
        replica.leadership().role());
  }

  private Metrics metrics(RaftReplica replica, ApiStats stats, DigestWatch digests) {
    var metrics = new Metrics();
    BrokerMetrics.register(metrics, replica, replica.raftStats(), stats);
    metrics.counter(
        "keelmq_disk_repairs_total",
        "how often the replica was closed and opened again because of its disk",
        repair::repairs);
    BrokerMetrics.snapshots(metrics, replica.snapshotStats());
    BrokerMetrics.clock(metrics, wall);
    BrokerMetrics.scrub(metrics, replica.gauges().scrub());
    BrokerMetrics.retention(metrics, replica.gauges().retention());
    BrokerMetrics.damage(metrics, damage);
    BrokerMetrics.levels(metrics, replica, options.levels());
    RowMetrics.digests(metrics, digests);
    RowMetrics.rowSums(metrics, replica.rowEvidence());
    return metrics;
  }

  private RaftReplica open(Duration standAfter) throws IOException, UnusableFolderException {
    synchronized (this) {
      failedMeanwhile = Optional.empty();
    }
    try {
      return RaftReplica.open(replicaOptions(standAfter));
    } catch (IOException e) {
      // Raft tells that it did not start, and not always why.
      Optional<Throwable> cause = failedMeanwhile();
      if (Damage.in(e).isEmpty() && cause.flatMap(Damage::in).isPresent()) {
        throw new IOException(e.getMessage(), cause.get());
      }
      throw e;
    }
  }

  private synchronized Optional<Throwable> failedMeanwhile() {
    return failedMeanwhile;
  }

  private void endStart(boolean started) {
    Optional<Throwable> cause;
    synchronized (this) {
      starting = false;
      cause = started ? failedMeanwhile : Optional.empty();
    }
    cause.ifPresent(repair::failed);
  }

  /** Parts that are being started cannot be closed yet; of those that fail their start tells. */
  private void failed(Throwable cause) {
    synchronized (this) {
      if (starting) {
        failedMeanwhile = failedMeanwhile.or(() -> Optional.of(cause));
        return;
      }
    }
    repair.failed(cause);
  }

  private void handOver() {
    try {
      RaftReplica replica = current;
      if (replica != null) {
        replica.leaveGracefully(LEAVE_WITHIN);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Optional<String> lackWithout(DamagedFolder.Owner replica, Optional<String> leader) {
    try (var probe = new GroupProbe(options.nameServers())) {
      return probe.lackWithout(replica.node(), replica.brokerGroup(), replica.clusterId(), leader);
    }
  }

  /** While nothing else is open. */
  private AutoCloseable show(Supplier<String> reason) {
    var metrics = new Metrics();
    BrokerMetrics.damage(metrics, damage);
    var ops =
        new OpsServer(
            options.opsListen(),
            metrics,
            () -> OpsServer.Health.SOUND,
            () ->
                new OpsServer.Readiness(false, Leadership.Role.UNINITIALIZED.name(), reason.get()));
    try {
      ops.start();
    } catch (IOException e) {
      LOG.warn("operators cannot be shown what is waited for: {}", e.getMessage());
    }
    return ops;
  }

  /** Name servers hear at once of new leaders and topics; of the rest every second. */
  private static void tellRegistry(RegistryAgent registry, List<Effect> effects) {
    if (effects.isEmpty()
        || effects.stream()
            .anyMatch(
                effect ->
                    effect instanceof Effect.TopicsChanged
                        || effect instanceof Effect.MembersChanged)) {
      registry.changed();
    }
  }

  private static OpsServer.Readiness readiness(RaftReplica replica) {
    var status = replica.status();
    Leadership.Role role = replica.leadership().role();
    return new OpsServer.Readiness(status.ready(), role.name(), status.reason());
  }

  private RaftReplicaOptions replicaOptions(Duration standAfter) {
    return new RaftReplicaOptions(
        options.node(),
        options.brokerGroup(),
        options.dataFolder(),
        options.raftListen(),
        options.raftAdvertised().toString(),
        options.electionTimeout(),
        options.segmentBytes(),
        options.syncToDisk() ? SegmentedLogOptions.Sync.FSYNC : SegmentedLogOptions.Sync.OS,
        RaftReplicaOptions.DEFAULT_BYTES_IN_FLIGHT,
        options.snapshots(),
        disk,
        options.storage().withStandAfter(standAfter),
        options.scrub(),
        new ReplicaVersion(version, options.levels()),
        options.retention(),
        wall,
        nanos,
        this::failed);
  }

  private void step(String name, Duration within, Shutdown.Step step) {
    shutdown.step(name, within.plus(STEP_MARGIN), step);
  }
}
