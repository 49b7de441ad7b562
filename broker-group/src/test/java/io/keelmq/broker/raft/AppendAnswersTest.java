package io.keelmq.broker.raft;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.FSMCaller;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.core.NodeMetrics;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.RaftOutter.EntryMeta;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.option.LogManagerOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.rpc.Connection;
import com.alipay.sofa.jraft.rpc.RpcContext;
import com.alipay.sofa.jraft.rpc.RpcProcessor;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.ErrorResponse;
import com.alipay.sofa.jraft.storage.LogManager;
import com.alipay.sofa.jraft.storage.impl.LogManagerImpl;
import io.keelmq.broker.raft.GroupSnapshots.Published;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import io.keelmq.raftlog.SegmentedLogStorage;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over JRaft's own log manager, whose answers are what has to be guarded. */
class AppendAnswersTest {

  @TempDir Path folder;

  private final FailingDisk disk = new FailingDisk();
  private final LogManagerImpl manager = new LogManagerImpl();
  private final List<Object> answers = new CopyOnWriteArrayList<>();
  private SegmentedLog log;
  private AppendAnswers guarded;

  @BeforeEach
  void open() {
    log = SegmentedLog.open(SegmentedLogOptions.in(folder), disk);
    var options = new LogManagerOptions();
    options.setGroupId("group");
    options.setLogStorage(new SegmentedLogStorage(log));
    options.setConfigurationManager(new ConfigurationManager());
    options.setNodeMetrics(new NodeMetrics(false));
    options.setRaftOptions(new RaftOptions());
    options.setLogEntryCodecFactory(LogEntryV2CodecFactory.getInstance());
    options.setDisruptorBufferSize(64);
    options.setFsmCaller(
        (FSMCaller)
            Proxy.newProxyInstance(
                FSMCaller.class.getClassLoader(),
                new Class<?>[] {FSMCaller.class},
                (proxy, method, args) -> method.getReturnType() == boolean.class ? true : null));
    assertTrue(manager.init(options));
    guarded =
        new AppendAnswers(
            new Follower(), Runnable::run, () -> log.poison().isPresent(), () -> Published.NONE);
  }

  @AfterEach
  void close() throws InterruptedException {
    manager.shutdown();
    manager.join();
    log.close();
  }

  /** What JRaft's follower does with entries: it hands them to the log manager, and answers. */
  private final class Follower implements RpcProcessor<AppendEntriesRequest> {

    @Override
    public void handleRequest(RpcContext caller, AppendEntriesRequest request) {
      var entry = new LogEntry(EntryType.ENTRY_TYPE_DATA);
      entry.setId(new LogId(request.getPrevLogIndex() + 1, request.getTerm()));
      entry.setData(ByteBuffer.wrap(new byte[100]));
      var entries = new ArrayList<LogEntry>(List.of(entry));
      manager.appendEntries(
          entries,
          new LogManager.StableClosure(entries) {
            @Override
            public void run(Status status) {
              caller.sendResponse(
                  AppendEntriesResponse.newBuilder()
                      .setTerm(request.getTerm())
                      .setSuccess(status.isOk())
                      .build());
            }
          });
    }

    @Override
    public String interest() {
      return AppendEntriesRequest.class.getName();
    }
  }

  private void receive(long index) {
    guarded.handleRequest(
        new RpcContext() {
          @Override
          public void sendResponse(Object response) {
            answers.add(response);
          }

          @Override
          public Connection getConnection() {
            throw new AssertionError("not needed");
          }

          @Override
          public String getRemoteAddress() {
            return "leader";
          }
        },
        AppendEntriesRequest.newBuilder()
            .setGroupId("group")
            .setServerId("leader")
            .setPeerId("follower")
            .setTerm(1)
            .setPrevLogTerm(1)
            .setPrevLogIndex(index - 1)
            .setCommittedIndex(0)
            .addEntries(
                EntryMeta.newBuilder().setTerm(1).setType(EntryType.ENTRY_TYPE_DATA).build())
            .build());
  }

  private void awaitAnswers(int count) {
    await().atMost(60, TimeUnit.SECONDS).until(() -> answers.size() == count);
  }

  private static boolean confirms(Object answer) {
    return answer instanceof AppendEntriesResponse response && response.getSuccess();
  }

  @Test
  void confirmsWhatIsOnTheDisk() {
    receive(1);
    receive(2);
    receive(2);
    awaitAnswers(3);

    assertTrue(answers.stream().allMatch(AppendAnswersTest::confirms));
    assertEquals(3, guarded.requests());
    assertEquals(0, guarded.withheld());
  }

  @Test
  void confirmsNoCopyOfWhatTheDiskRefused() {
    disk.stallForces();
    receive(1);
    receive(2);
    // The leader has heard nothing, and sends them again by another connection.
    receive(1);
    receive(2);
    disk.failForces();
    disk.endStall();
    awaitAnswers(4);

    assertTrue(answers.stream().noneMatch(AppendAnswersTest::confirms), answers.toString());
    assertEquals(2, guarded.withheld());
    assertInstanceOf(ErrorResponse.class, answers.get(3));
    assertEquals(0, log.last());
  }
}
