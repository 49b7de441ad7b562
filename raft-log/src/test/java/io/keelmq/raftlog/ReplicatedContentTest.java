package io.keelmq.raftlog;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.RaftGroupService;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.core.DefaultJRaftServiceFactory;
import com.alipay.sofa.jraft.core.StateMachineAdapter;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: two replicas that JRaft keeps in step have segments of equal content, those with
 * configuration entries too, although each encodes these for itself. Method: two real nodes, a
 * change of members and a change of the leader between ordinary entries, then a comparison of all
 * entries and all sealed segments.
 */
class ReplicatedContentTest {

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir Path folder;

  @Test
  void isEqualOnTwoReplicas() throws Exception {
    PeerId one = freePeer();
    PeerId other = freePeer();
    var members = new Configuration(List.of(one, other));
    try (var log = open("one", 1);
        var otherLog = open("other", 2)) {
      var services = List.of(start(log, one, members), start(otherLog, other, members));
      try {
        var nodes = services.stream().map(RaftGroupService::getRaftNode).toList();
        proposeUntil(nodes, log, otherLog, 20);
        addLearner(nodes, freePeer());
        proposeUntil(nodes, log, otherLog, 40);
        moveLeadership(nodes);
        proposeUntil(nodes, log, otherLog, 60);
        await().atMost(PATIENCE).until(() -> haveTheSameEnd(log, otherLog));
      } finally {
        for (RaftGroupService service : services) {
          service.shutdown();
          service.join();
        }
      }

      assertTrue(log.sealedSegments().size() > 5, "the test means to cross segments");
      assertTrue(log.configurations().count() >= 3, "a term, a learner and another term");
      LongStream.rangeClosed(1, Math.min(log.last(), otherLog.last()))
          .forEach(i -> assertTrue(TestLogs.same(entry(log, i), entry(otherLog, i)), "entry " + i));
      assertEquals(contents(log), contents(otherLog));
    }
  }

  private SegmentedLog open(String name, long seed) {
    var options = TestLogs.options(folder.resolve(name)).withMarks(new Random(seed)::nextLong);
    return SegmentedLog.open(options, new RealDisk());
  }

  private RaftGroupService start(SegmentedLog log, PeerId self, Configuration members) {
    var options = new NodeOptions();
    options.setServiceFactory(
        new DefaultJRaftServiceFactory() {
          @Override
          public LogStorage createLogStorage(String uri, RaftOptions raftOptions) {
            return new SegmentedLogStorage(log);
          }
        });
    options.setFsm(new Ignorant());
    options.setLogUri("unused");
    options.setRaftMetaUri(folder.resolve("meta-" + self.getPort()).toString());
    options.setInitialConf(members);
    options.setElectionTimeoutMs(1_000);
    options.setSnapshotIntervalSecs(0);
    var service = new RaftGroupService("raft-log-content", self, options);
    service.start();
    return service;
  }

  /** Proposes entry by entry, whoever leads, until both logs reach {@code least}. */
  private static void proposeUntil(
      List<Node> nodes, SegmentedLog log, SegmentedLog otherLog, long least) {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(10))
        .until(
            () -> {
              for (Node node : nodes) {
                if (node.isLeader()) {
                  node.apply(new Task(ByteBuffer.allocate(700), null));
                }
              }
              return log.last() >= least && otherLog.last() >= least;
            });
  }

  /** Nobody listens at the learner's address, which does not matter: it has no vote. */
  private static void addLearner(List<Node> nodes, PeerId learner) {
    await()
        .atMost(PATIENCE)
        .until(
            () -> {
              var added = new CompletableFuture<Boolean>();
              leader(nodes).addLearners(List.of(learner), status -> added.complete(status.isOk()));
              return added.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            });
  }

  private static void moveLeadership(List<Node> nodes) {
    Node old = leader(nodes);
    Node next = old == nodes.get(0) ? nodes.get(1) : nodes.get(0);
    await()
        .atMost(PATIENCE)
        .until(
            () -> {
              if (old.isLeader()) {
                old.transferLeadershipTo(next.getNodeId().getPeerId());
              }
              return next.isLeader();
            });
  }

  private static Node leader(List<Node> nodes) {
    List<Node> leaders = new ArrayList<>();
    await()
        .atMost(PATIENCE)
        .until(() -> leaders.addAll(nodes.stream().filter(Node::isLeader).toList()));
    return leaders.get(0);
  }

  /** Raft promises that all entries before are the same, too. */
  private static boolean haveTheSameEnd(SegmentedLog log, SegmentedLog otherLog) {
    long last = log.last();
    return last == otherLog.last() && log.term(last).equals(otherLog.term(last));
  }

  private static LogRecord entry(SegmentedLog log, long index) {
    return log.reader().read(index).orElseThrow();
  }

  private static List<List<Long>> contents(SegmentedLog log) {
    return log.sealedSegments().stream()
        .map(
            s ->
                Stream.of(s.baseIndex(), s.lastIndex(), s.bytes(), (long) s.contentChecksum())
                    .toList())
        .toList();
  }

  private static PeerId freePeer() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return new PeerId("127.0.0.1", socket.getLocalPort());
    }
  }

  private static final class Ignorant extends StateMachineAdapter {
    @Override
    public void onApply(Iterator entries) {
      while (entries.hasNext()) {
        entries.next();
      }
    }
  }
}
