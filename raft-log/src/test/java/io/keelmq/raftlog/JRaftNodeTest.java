package io.keelmq.raftlog;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.JRaftServiceFactory;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.RaftServiceFactory;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.core.DefaultJRaftServiceFactory;
import com.alipay.sofa.jraft.core.StateMachineAdapter;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A group of one real JRaft node on this log: elects itself, commits, and replays after a restart.
 */
class JRaftNodeTest {

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** No server listens: the one peer talks to nobody. */
  private static final PeerId SELF = PeerId.parsePeer("127.0.0.1:1");

  @TempDir Path folder;

  @Test
  void commitsAndReplaysAfterARestart() throws Exception {
    NodeManager.getInstance().addAddress(SELF.getEndpoint());
    try (var log = open()) {
      var applied = new Applied();
      Node node = start(log, applied);
      await().atMost(PATIENCE).until(node::isLeader);
      for (int i = 0; i < 20; i++) {
        node.apply(new Task(bytes("value " + i), null));
      }
      await().atMost(PATIENCE).until(() -> applied.values.size() == 20);
      stop(node);
      assertEquals(log.last(), log.durableLast());
      assertTrue(log.sealedSegments().size() > 1, "the test means to cross segments");
    }

    try (var log = open()) {
      var applied = new Applied();
      Node node = start(log, applied);
      await().atMost(PATIENCE).until(() -> applied.values.size() == 20);
      assertTrue(applied.values.get(19).startsWith("value 19"));
      assertEquals(List.of(SELF), node.listPeers());
      stop(node);
    }
  }

  private SegmentedLog open() {
    return SegmentedLog.open(TestLogs.options(folder.resolve("log")), new RealDisk());
  }

  private Node start(SegmentedLog log, Applied applied) {
    JRaftServiceFactory services =
        new DefaultJRaftServiceFactory() {
          @Override
          public LogStorage createLogStorage(String uri, RaftOptions raftOptions) {
            return new SegmentedLogStorage(log);
          }
        };
    var options = new NodeOptions();
    options.setServiceFactory(services);
    options.setFsm(applied);
    options.setLogUri("unused");
    options.setRaftMetaUri(folder.resolve("meta").toString());
    options.setInitialConf(new Configuration(List.of(SELF)));
    options.setElectionTimeoutMs(300);
    options.setSnapshotIntervalSecs(0);
    return RaftServiceFactory.createAndInitRaftNode("raft-log-test", SELF, options);
  }

  private static void stop(Node node) throws InterruptedException {
    node.shutdown();
    node.join();
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.allocate(700).put(text.getBytes(StandardCharsets.US_ASCII)).clear();
  }

  private static final class Applied extends StateMachineAdapter {

    private final List<String> values = new CopyOnWriteArrayList<>();

    @Override
    public void onApply(Iterator entries) {
      while (entries.hasNext()) {
        values.add(StandardCharsets.US_ASCII.decode(entries.getData().duplicate()).toString());
        entries.next();
      }
    }
  }
}
