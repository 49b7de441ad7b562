package io.keelmq.client.testing;

import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.keelmq.v1.Batch;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.Routes;
import io.keelmq.v1.TopicRoute;
import io.keelmq.v1.TopicType;
import io.keelmq.v1.TransactionCheck;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A broker group of three replicas over one {@link FakeLog}, each of which serves, and a name
 * server that knows it. Faults are decided batch by batch. Thread-safe.
 */
public final class FakeGroup implements AutoCloseable {

  /** What happens to a batch. */
  public enum Fate {
    STORED,
    STORED_AND_BROKEN,
    LOST_AND_BROKEN,
    /** Not applied now, but some time later, when nobody expects it; the stream breaks. */
    LINGERS_AND_BROKEN,
    TOO_MANY,
    NO_LEADER,
    UNKNOWN_STORED,
    UNKNOWN_LOST,
    /** Nothing is answered to it or to what follows on its stream. */
    FROZEN
  }

  /** Decides. */
  public interface Fates {
    Fate of(int replica, Batch batch);
  }

  public final FakeLog log = new FakeLog();
  public final FakeConsumers consumers = new FakeConsumers(log);
  public final FakeNameServer nameServer;
  public final AtomicInteger openedStreams = new AtomicInteger();
  public final AtomicInteger openedReads = new AtomicInteger();

  /** Copies of batches that will be applied later. Guarded by itself. */
  final List<Runnable> lingering = new ArrayList<>();

  /** Offsets by "consumer group/queue". */
  final Map<String, Long> committed = new ConcurrentHashMap<>();

  private final List<Server> servers = new ArrayList<>();
  private final List<FakeStreams> streams = new ArrayList<>();
  volatile boolean opensNothing;
  private volatile Fates fates = (replica, batch) -> Fate.STORED;
  private volatile int leader;
  private final AtomicLong term = new AtomicLong(1);
  private long topicsVersion = 1;

  public FakeGroup() throws IOException {
    nameServer = new FakeNameServer();
    for (int replica = 0; replica < 3; replica++) {
      var service = new FakeStreams(this, replica);
      streams.add(service);
      servers.add(
          NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
              .permitKeepAliveTime(1, TimeUnit.SECONDS)
              .maxInboundMessageSize(20 << 20)
              .addService(service)
              .addService(new FakeAdmin(this))
              .build()
              .start());
    }
  }

  public FakeGroup withTopic(String topic, int queues) {
    log.createTopic(topic, queues);
    topicsVersion++;
    announce();
    return this;
  }

  public FakeGroup withTopic(String topic, int queues, TopicType type) {
    log.types.put(topic, type);
    return withTopic(topic, queues);
  }

  /** Producers that answer checks of a topic, connected to any replica. */
  public int checked(String topic) {
    return streams.stream().mapToInt(each -> each.checked(topic)).sum();
  }

  /** Every replica asks a producer of its own, if it has one. */
  public void check(String heldId, int number) {
    TransactionCheck check = log.held.check(heldId, number);
    streams.forEach(each -> each.check(check));
  }

  /** Streams of producers are taken and never opened, as by processes that are frozen. */
  public void openNothing() {
    opensNothing = true;
  }

  public void fates(Fates decided) {
    fates = decided;
  }

  Fates fates() {
    return fates;
  }

  /** Makes another replica lead, and tells the name server. */
  public void lead(int replica) {
    leader = replica;
    term.incrementAndGet();
    announce();
  }

  public int leader() {
    return leader;
  }

  /** Breaks all streams of all replicas. */
  public void breakStreams() {
    streams.forEach(FakeStreams::breakAll);
    consumers.breakAll();
  }

  /** Takes a replica away for good. */
  public void kill(int replica) {
    servers.get(replica).shutdownNow();
  }

  public void announce() {
    nameServer.say(Routes.newBuilder().addGroups(route()).build());
  }

  public BrokerGroupRoute route() {
    var route =
        BrokerGroupRoute.newBuilder()
            .setClusterId("fake")
            .setBrokerGroup("g0")
            .setTerm(term.get())
            .setLeaderNode("n" + leader)
            .setTopicsVersion(topicsVersion);
    for (int i = 0; i < servers.size(); i++) {
      route.addReplicas(
          ReplicaRoute.newBuilder()
              .setNode("n" + i)
              .setRole(i == leader ? ReplicaRole.LEADER : ReplicaRole.FOLLOWER)
              .setClientAddress("127.0.0.1:" + servers.get(i).getPort())
              .setReady(true));
    }
    for (String topic : log.topics()) {
      route.addTopics(
          TopicRoute.newBuilder()
              .setTopic(topic)
              .setType(log.types.getOrDefault(topic, TopicType.NORMAL))
              .setQueues(log.queues(topic)));
    }
    return route.build();
  }

  @Override
  public void close() {
    servers.forEach(Server::shutdownNow);
    nameServer.close();
  }
}
