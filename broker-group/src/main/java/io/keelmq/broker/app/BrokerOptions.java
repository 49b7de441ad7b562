package io.keelmq.broker.app;

import io.keelmq.broker.raft.RetentionPolicy;
import io.keelmq.broker.raft.ScrubPolicy;
import io.keelmq.broker.raft.SnapshotPolicy;
import io.keelmq.broker.raft.StorageLimits;
import io.keelmq.broker.rocketmq.RocketmqOptions;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.common.HostPort;
import io.keelmq.common.Settings;
import io.keelmq.edge.EdgeSecurity;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * What a broker was configured with. Immutable.
 *
 * @param node the replica's name, one for each data folder
 * @param clientAdvertised where clients and the other replicas are told to connect
 * @param raftAdvertised where the other replicas of the group connect
 * @param electionTimeout how long a follower waits for a leader's word
 * @param syncToDisk true: acknowledged means forced to disk; false: handed to the operating system
 * @param snapshots when the replica takes one by itself
 * @param storage what the disk has to be like
 * @param scrub how the log is read again
 * @param levels the feature levels that this replica supports
 * @param retention how room is made
 * @param security how clients are let in
 * @param rocketmq what operators decide about RocketMQ's SDKs
 */
record BrokerOptions(
    String node,
    String brokerGroup,
    Path dataFolder,
    HostPort clientListen,
    HostPort clientAdvertised,
    HostPort raftListen,
    HostPort raftAdvertised,
    HostPort opsListen,
    HostPort opsAdvertised,
    List<HostPort> nameServers,
    Duration electionTimeout,
    long segmentBytes,
    boolean syncToDisk,
    SnapshotPolicy snapshots,
    StorageLimits storage,
    ScrubPolicy scrub,
    LevelRange levels,
    RetentionPolicy retention,
    EdgeSecurity.Options security,
    RocketmqOptions rocketmq) {

  private static final String NAME = "[a-zA-Z0-9_-]{1,63}";
  private static final String SYNC_FSYNC = "fsync";
  private static final String SYNC_OS = "os";

  private static final List<Settings.Key> OWN_KEYS =
      List.of(
          Settings.key("node", "n1", "name of this replica, one for each data folder"),
          Settings.key("broker.group", "g0", "broker group it belongs to"),
          Settings.key("data.dir", "data", "commit log, indexes and identity"),
          Settings.key("client.listen", "127.0.0.1:8081", "where clients connect (gRPC)"),
          Settings.key("client.advertised", "", "the address clients are told, if another one"),
          Settings.key("raft.listen", "127.0.0.1:10911", "where other replicas connect (Raft)"),
          Settings.key("raft.advertised", "", "the address replicas are told, if another one"),
          Settings.key("ops.listen", "127.0.0.1:8091", "metrics and health (HTTP)"),
          Settings.key("ops.advertised", "", "the address operators are told, if another one"),
          Settings.key("name.servers", "127.0.0.1:9876", "all name servers, by commas"),
          Settings.key("raft.election.timeout", "1000ms", "how long a leader may be silent"),
          Settings.key("log.segment.bytes", "256MiB", "size of a file of the log"),
          Settings.key("log.sync", SYNC_FSYNC, "fsync, or os: not safe against power loss"),
          Settings.key(
              "disk.min.free", "5%", "of the disk, or bytes: with less, sends are refused"),
          Settings.key(
              "disk.trim.free",
              "0",
              "of the disk, or bytes: with less, oldest messages go; 0: never"),
          Settings.key("disk.trim.keep", "1h", "what is younger never goes for want of disk"),
          Settings.key(
              "relocate.bytes.per.second", "8MiB", "copied to free old segments; 0: nothing is"),
          Settings.key("disk.stall", "5s", "an fsync that takes longer costs the leadership"),
          Settings.key(
              "scrub.bytes.per.second", "8MiB", "sealed log read again for damage; 0: it is not"),
          Settings.key("scrub.pause", "1h", "from one reading of the whole log to the next"),
          Settings.key("snapshot.bytes", "4GiB", "growth of the log that brings a snapshot"),
          Settings.key("snapshot.age", "30m", "age of a snapshot that less growth makes old"),
          Settings.key("snapshot.age.bytes", "64MiB", "that growth"),
          Settings.key(
              "feature.level.max",
              String.valueOf(LevelRange.NEWEST),
              "no higher feature level, so that one can go back to an earlier version"));

  static final List<Settings.Key> KEYS =
      Stream.of(OWN_KEYS, EdgeSecurity.KEYS, RocketmqOptions.KEYS).flatMap(List::stream).toList();

  /**
   * @param diskBytes size of the disk on which a folder lies, or will
   * @throws io.keelmq.common.ConfigurationException naming the key, what was expected and found
   */
  static BrokerOptions of(Settings settings, ToLongFunction<Path> diskBytes) {
    BrokerOptions options = of(settings);
    if (options.retention().trimsForWantOfDisk()) {
      long size = diskBytes.applyAsLong(options.dataFolder());
      long trimBelow = options.retention().trimBelow(size);
      requireAbove(settings, trimBelow, options.storage().lowBelow(size), size);
    }
    return options;
  }

  /** Otherwise sends would be refused before the first message goes. */
  private static void requireAbove(Settings settings, long trimBelow, long lowBelow, long size) {
    if (trimBelow <= lowBelow) {
      throw settings.bad(
          "disk.trim.free",
          "more than disk.min.free=%s, which is %d bytes of this disk of %d; this is %d: raise disk.trim.free, or lower disk.min.free"
              .formatted(settings.string("disk.min.free"), lowBelow, size, trimBelow));
    }
  }

  private static BrokerOptions of(Settings settings) {
    HostPort clientListen = settings.hostPort("client.listen");
    HostPort raftListen = settings.hostPort("raft.listen");
    HostPort opsListen = settings.hostPort("ops.listen");
    return new BrokerOptions(
        name(settings, "node"),
        name(settings, "broker.group"),
        Path.of(settings.string("data.dir")).toAbsolutePath().normalize(),
        clientListen,
        advertised(settings, "client.advertised", clientListen),
        raftListen,
        advertised(settings, "raft.advertised", raftListen),
        opsListen,
        advertised(settings, "ops.advertised", opsListen),
        settings.hostPorts("name.servers"),
        settings.duration("raft.election.timeout", Duration.ofMillis(100), Duration.ofMinutes(1)),
        settings.bytes("log.segment.bytes", 1 << 20, 1 << 30),
        settings.oneOf("log.sync", SYNC_FSYNC, SYNC_OS).equals(SYNC_FSYNC),
        new SnapshotPolicy(
            settings.bytes("snapshot.bytes", 1 << 20, 1L << 50),
            settings.duration("snapshot.age", Duration.ofSeconds(1), Duration.ofDays(365)),
            settings.bytes("snapshot.age.bytes", 1 << 20, 1L << 50)),
        storage(settings),
        new ScrubPolicy(
            settings.bytes("scrub.bytes.per.second", 0, 1L << 40),
            settings.duration("scrub.pause", Duration.ZERO, Duration.ofDays(365))),
        LevelRange.OF_THIS_VERSION.heldAt(
            settings.integer("feature.level.max", LevelRange.FIRST, LevelRange.NEWEST)),
        retention(settings),
        EdgeSecurity.Options.of(settings),
        RocketmqOptions.of(settings));
  }

  private static StorageLimits storage(Settings settings) {
    var stall = settings.duration("disk.stall", Duration.ofMillis(100), Duration.ofMinutes(10));
    String free = settings.string("disk.min.free");
    if (!free.endsWith("%")) {
      return new StorageLimits(
          stall, settings.bytes("disk.min.free", 1, 1L << 50), 0, Duration.ZERO);
    }
    if (!free.matches("[0-4]?[0-9]%")) {
      throw settings.bad("disk.min.free", "0% to 49%, or a size such as 512MiB or 1GiB");
    }
    int percent = Integer.parseInt(free.substring(0, free.length() - 1));
    return new StorageLimits(stall, 0, percent, Duration.ZERO);
  }

  private static RetentionPolicy retention(Settings settings) {
    long rate = settings.bytes("relocate.bytes.per.second", 0, 1L << 40);
    Duration keep = settings.duration("disk.trim.keep", Duration.ZERO, Duration.ofDays(3_650));
    String below = settings.string("disk.trim.free");
    if (below.endsWith("%") && !below.matches("[0-9]%|[0-8][0-9]%|90%")) {
      throw settings.bad("disk.trim.free", "0% to 90%, or a size such as 2GiB; 0: never");
    }
    int percent =
        below.endsWith("%") ? Integer.parseInt(below.substring(0, below.length() - 1)) : 0;
    long bytes = below.endsWith("%") ? 0 : settings.bytes("disk.trim.free", 0, 1L << 50);
    return RetentionPolicy.DEFAULT.with(rate, bytes, percent, keep);
  }

  private static String name(Settings settings, String key) {
    String name = settings.string(key);
    if (!name.matches(NAME)) {
      throw settings.bad(key, "1 to 63 letters, digits, - and _");
    }
    return name;
  }

  private static HostPort advertised(Settings settings, String key, HostPort listen) {
    if (settings.isSet(key)) {
      return settings.hostPort(key);
    }
    if (listen.host().equals("0.0.0.0") || listen.host().equals("::")) {
      throw settings.bad(key, "host:port that others can reach, because it listens everywhere");
    }
    return listen;
  }
}
