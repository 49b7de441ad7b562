package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Verdict;
import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.Consumer;
import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.common.BackupManifest;
import io.keelmq.common.BackupRestorer;
import io.keelmq.common.BackupRestorer.Member;
import io.keelmq.local.ClientBootstrap;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.KillOnExit;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import io.keelmq.v1.ConsumerGroupKind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a backup that is made under load becomes another cluster which holds everything that was
 * acknowledged before the backup began, and in which consumers go on where they were. Method: a
 * group is sent to while a follower sends the backup; the folders that are restored are started at
 * other addresses and read replica by replica, and judged by the history of the first cluster.
 */
@Tag("chaos")
class BackupTest {

  private static final String LOAD = "load";
  private static final String JOBS = "jobs";
  private static final String WORKERS = "workers";
  private static final String PLACES = "places";
  private static final Duration OPEN = Duration.ofSeconds(60);

  /** On a machine that is busy with other things too. */
  private static final Duration START = Duration.ofMinutes(4);

  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final int SENT_JOBS = 40;
  private static final int ACKNOWLEDGED = 10;
  private static final int TAKEN = 5;
  private static final WorkloadOptions WORKLOAD = WorkloadOptions.standard();

  private final Seed seed = ChaosPlan.givenOrNewSeed();
  private final Path dir =
      Path.of(
          System.getProperty("chaos.dir", "target/chaos"),
          "backup-" + Long.toString(System.currentTimeMillis(), 36));
  private final List<Event> events = new ArrayList<>();
  private final Set<Long> acknowledged = new TreeSet<>();
  private final Set<Long> taken = new TreeSet<>();
  private long beganNanos;
  private BackupManifest manifest;

  @Test
  void aBackupUnderLoadBecomesAClusterWithAllThatWasAcknowledgedBefore() throws IOException {
    LocalCluster first = cluster("first");
    LocalCluster second = cluster("second");
    Path backup = dir.resolve("backup");
    var guards = List.of(new KillOnExit(first), new KillOnExit(second));
    try {
      first.start(START);
      backUp(first, backup);
      first.stop(Duration.ofSeconds(10));
      assertEquals(List.of(), BackupManifest.read(backup).flaws(backup));

      String clusterId = restore(backup, second);
      second.start(START);
      Verdict verdict = judge(second, clusterId);
      consumersGoOn(second);
      second.stop(Duration.ofSeconds(10));

      System.out.printf(
          "backup: seed %d, entry %d, %d files, %d bytes; %d sends acknowledged before it%n",
          seed.value(),
          manifest.index(),
          manifest.files().size(),
          manifest.bytes(),
          verdict.ledger().acked());
      assertEquals(List.of(), verdict.problems());
      assertEquals(3, verdict.replicasRead());
      assertTrue(verdict.ledger().acked() > 1_000, "acknowledged before the backup began");
    } finally {
      first.killEverything();
      second.killEverything();
      guards.forEach(KillOnExit::close);
    }
    ClusterFolder.delete(first.dir());
    ClusterFolder.delete(second.dir());
  }

  private LocalCluster cluster(String name) {
    return LocalCluster.create(
        new ClusterOptions(
                dir.resolve(name),
                Distribution.find(),
                new PortPlan.Free(seed.random(name.length())))
            .withBrokerSettings(Map.of("log.segment.bytes", "1MiB")),
        new ClientBootstrap());
  }

  private void backUp(LocalCluster cluster, Path backup) throws IOException {
    try (var history =
            History.create(cluster.dir().resolve("logs").resolve("history"), System::nanoTime);
        var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic(LOAD, WORKLOAD.queues());
      consumeSome(client);
      var workload = new Workload(client, LOAD, WORKLOAD, history, seed);
      var faults = new Faults(cluster, workload::oks, seed);
      try (workload) {
        workload.start();
        faults.awaitMoreOks(2_000, OPEN);
        beganNanos = System.nanoTime();
        manifest = client.admin().backup(follower(cluster).client().toString(), backup, LIMIT);
        faults.awaitMoreOks(500, OPEN);
        workload.stopSending();
      }
      history.seal();
      history.replay(events::add);
      assertEquals(List.of(), workload.troubles());
    }
  }

  private static Node follower(LocalCluster cluster) {
    Node leader = cluster.leader();
    return cluster.brokers().stream()
        .filter(node -> !node.equals(leader))
        .findFirst()
        .orElseThrow();
  }

  /** Ten are done, five are with a consumer that dies, the others were never looked at. */
  private void consumeSome(KeelClient client) {
    client.admin().createTopic(JOBS, 1);
    client.admin().createConsumerGroup(WORKERS, ConsumerGroupKind.LEASE);
    client.admin().createConsumerGroup(PLACES, ConsumerGroupKind.OFFSET);
    try (Producer producer = client.producer().deliveryTimeout(OPEN).open()) {
      for (int i = 0; i < SENT_JOBS; i++) {
        producer.sendSync(OutgoingMessage.builder(JOBS).body("job " + i).build());
      }
    }
    client.admin().commitOffsets(PLACES, JOBS, 0, Map.of(0, 17L));
    try (Consumer done = workers(client, ACKNOWLEDGED)) {
      for (ConsumedMessage message : receive(done, ACKNOWLEDGED)) {
        message.ack().join();
        acknowledged.add(message.offset());
      }
    }
    try (Consumer dying = workers(client, TAKEN)) {
      receive(dying, TAKEN).forEach(message -> taken.add(message.offset()));
      dying.abandon();
    }
  }

  private String restore(Path backup, LocalCluster second) throws IOException {
    String clusterId = "restored-" + Long.toHexString(seed.value());
    BackupRestorer.find()
        .orElseThrow()
        .restore(
            backup,
            second.dataDir(second.brokers().get(0)).getParent(),
            clusterId,
            second.brokers().stream()
                .map(
                    node -> new Member(node.id(), node.raft().toString(), node.client().toString()))
                .toList());
    return clusterId;
  }

  private Verdict judge(LocalCluster second, String clusterId) {
    var verdict = new Verdict(second.brokers().size());
    for (Event event : events) {
      // What was answered later may be in the backup, and need not be.
      boolean answered = event instanceof Event.Ok && event.nanos() < beganNanos;
      if (event instanceof Event.Invoke || answered) {
        verdict.event(event);
      }
    }
    List<ReplicaAccess> replicas = new ArrayList<>();
    try {
      second.brokers().forEach(node -> replicas.add(new ReplicaAccess(node)));
      assertTrue(new ReplicaDigests(replicas, OPEN).awaitSameIndex(verdict), "a common index");
      for (ReplicaAccess replica : replicas) {
        assertEquals(clusterId, replica.status().getClusterId());
        verdict.replicaBegins(replica.node());
        replica.read(LOAD, verdict::stored);
        verdict.replicaEnds(replica.node());
      }
    } finally {
      replicas.forEach(ReplicaAccess::close);
    }
    return verdict;
  }

  private void consumersGoOn(LocalCluster second) {
    try (var client = KeelClient.connect(second.endpoints())) {
      assertEquals(
          second.brokers().stream().map(Node::id).toList(),
          client.admin().replicas("g0").stream().map(member -> member.getNode()).toList());
      assertEquals(Map.of(0, 17L), client.admin().offsets(PLACES, JOBS).offsets());
      try (Producer producer = client.producer().deliveryTimeout(OPEN).open()) {
        assertEquals(
            SENT_JOBS,
            producer.sendSync(OutgoingMessage.builder(JOBS).body("new").build()).offset());
      }
      var left = new TreeSet<Long>();
      LongStream.rangeClosed(0, SENT_JOBS).forEach(left::add);
      left.removeAll(acknowledged);
      try (Consumer next = workers(client, left.size())) {
        Map<Long, Integer> attempts = new TreeMap<>();
        receive(next, left.size())
            .forEach(message -> attempts.put(message.offset(), message.attempt()));
        assertEquals(left, attempts.keySet(), "what was acknowledged comes no more, all else does");
        taken.forEach(
            offset -> assertTrue(attempts.get(offset) > 1, () -> offset + " of " + attempts));
      }
    }
  }

  private static List<ConsumedMessage> receive(Consumer consumer, int count) {
    var all = new ArrayList<ConsumedMessage>();
    long endNanos = System.nanoTime() + OPEN.toNanos();
    while (all.size() < count && System.nanoTime() - endNanos < 0) {
      all.addAll(consumer.receive(count - all.size(), Duration.ofSeconds(1)));
    }
    assertEquals(count, all.size(), "messages delivered");
    return all;
  }

  private static Consumer workers(KeelClient client, int maxInFlight) {
    return client
        .consumer()
        .group(WORKERS)
        .topic(JOBS)
        .maxInFlight(maxInFlight)
        .openTimeout(OPEN)
        .open();
  }
}
