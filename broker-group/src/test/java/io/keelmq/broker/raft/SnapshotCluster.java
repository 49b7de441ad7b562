package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.ReplicaCluster.TOPIC;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotMetaTable;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.Command;
import io.keelmq.raftlog.SegmentedLogOptions.Sync;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A {@link ReplicaCluster} with the smallest segments there are, messages that are counted, and
 * snapshots that can be asked for and damaged. Not thread-safe.
 */
final class SnapshotCluster implements AutoCloseable {

  private static final int SEGMENT_BYTES = 4 << 10;
  private static final String PRODUCER = "counting";
  private static final String FILLING = "-".repeat(100);

  final ReplicaCluster group;
  private int sent;

  SnapshotCluster(Path folder, int size) throws IOException {
    group = new ReplicaCluster(folder, size);
    group
        .plan()
        .members()
        .forEach(member -> group.set(member.node(), SnapshotCluster::smallSegments));
  }

  static RaftReplicaOptions smallSegments(RaftReplicaOptions options) {
    return options
        .withLog(SEGMENT_BYTES, Sync.FSYNC)
        .withRetention(
            RetentionPolicy.DEFAULT.with(0, 0, 0, Duration.ZERO).withRest(Duration.ofMillis(100)));
  }

  SnapshotCluster begin() throws Exception {
    group.begin();
    group.createTopic();
    return this;
  }

  /** Sends so many more messages; there is one entry for each. */
  void send(int count) {
    for (int i = 0; i < count; i++) {
      ByteBuffer record = ReplicaCluster.record(body(sent));
      sent++;
      Command command = ReplicaCluster.sendCommand(PRODUCER, sent, record.remaining());
      if (!(outcome(command, record) instanceof ProposalOutcome.Applied)) {
        group.apply(command, record);
      }
    }
  }

  private ProposalOutcome outcome(Command command, ByteBuffer record) {
    RaftReplica leader =
        group.replicas().stream()
            .filter(replica -> replica.leadership().isLeader())
            .findFirst()
            .orElseGet(group::leader);
    return ReplicaCluster.propose(leader, command, record.duplicate())
        .orTimeout(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .join();
  }

  int sent() {
    return sent;
  }

  private static String body(int number) {
    return number + FILLING;
  }

  static ReplicaControl.Snapshot snapshot(RaftReplica replica) throws Exception {
    return replica.snapshotNow().get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
  }

  /** Takes two snapshots of a replica, so that its log begins behind the first of them. */
  void snapshotTwice(RaftReplica replica) throws Exception {
    snapshot(replica);
    send(20);
    awaitApplied(replica);
    snapshot(replica);
    send(5);
  }

  void awaitApplied(RaftReplica replica) {
    long applied = group.leader().state().applied().index();
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(() -> replica.state().applied().index() >= applied);
  }

  /** Compares the digests of all running replicas, and every message on each of them. */
  void assertAllEqual() {
    group.awaitApplied(group.leader().state().applied().index());
    group.commonState();
    for (RaftReplica replica : group.replicas()) {
      assertBodies(replica);
    }
  }

  void assertBodies(RaftReplica replica) {
    for (int i = 0; i < sent; i++) {
      assertEquals(body(i), bodyAt(replica, i));
    }
  }

  String bodyAt(RaftReplica replica, long offset) {
    var topic = replica.state().topic(TOPIC).orElseThrow();
    var run = replica.state().runs(topic.id(), 0, offset, 1).get(0);
    Optional<ByteBuffer> found = replica.log().entry(run.logIndex());
    while (found.isEmpty()) {
      // Applied, and not yet on this disk.
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> replica.log().entry(run.logIndex()).isPresent());
      found = replica.log().entry(run.logIndex());
    }
    byte[] record = new byte[run.bytes()];
    found.get().slice(run.position(), run.bytes()).get(record);
    return new String(record, 1, record.length - 1, StandardCharsets.UTF_8);
  }

  /** The nodes that do not lead now. */
  List<String> followers() {
    String leader = group.leaderNode();
    return group.plan().members().stream()
        .map(member -> member.node())
        .filter(node -> !node.equals(leader))
        .toList();
  }

  Path snapshotFolder(String node) {
    return group.dataFolder(node).resolve("snapshot");
  }

  /** The folders of published snapshots. */
  List<Path> published(String node) throws IOException {
    if (!Files.isDirectory(snapshotFolder(node))) {
      return List.of();
    }
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> folders =
        Files.newDirectoryStream(snapshotFolder(node), "snapshot_*")) {
      folders.forEach(found::add);
    }
    return found;
  }

  /** The first file of the published snapshot whose name ends so. */
  Path fileOfSnapshot(String node, String folder, String suffix) throws IOException {
    try (Stream<Path> files = Files.list(published(node).get(0).resolve(folder))) {
      return files
          .filter(file -> file.getFileName().toString().endsWith(suffix))
          .min(Comparator.naturalOrder())
          .orElseThrow();
    }
  }

  /** Flips a bit of a file, past whoever else has a link to it; returns the bytes before. */
  static byte[] damage(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    byte[] bad = bytes.clone();
    bad[bad.length / 2] ^= 1;
    replace(file, bad);
    return bytes;
  }

  static void replace(Path file, byte[] bytes) throws IOException {
    Path aside = file.resolveSibling(file.getFileName() + ".aside");
    Files.write(aside, bytes);
    Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Makes a snapshot's listing say that it ends at another entry. */
  static void setIndex(Path snapshot, long index) throws IOException {
    String file = snapshot.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE).toString();
    var table = new LocalSnapshotMetaTable(new RaftOptions());
    table.loadFromFile(file);
    table.setMeta(table.getMeta().toBuilder().setLastIncludedIndex(index).build());
    if (!table.saveToFile(file)) {
      throw new IOException("cannot write " + file);
    }
  }

  static void copyTree(Path from, Path to) throws IOException {
    try (var files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
        }
      }
    }
  }

  @Override
  public void close() {
    group.close();
  }
}
