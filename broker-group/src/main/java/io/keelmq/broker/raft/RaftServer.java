package io.keelmq.broker.raft;

import com.alipay.remoting.Connection;
import com.alipay.remoting.ConnectionEventType;
import com.alipay.sofa.jraft.rpc.RaftRpcServerFactory;
import com.alipay.sofa.jraft.rpc.RpcProcessor;
import com.alipay.sofa.jraft.rpc.RpcServer;
import com.alipay.sofa.jraft.rpc.impl.BoltRpcServer;
import com.alipay.sofa.jraft.rpc.impl.ConnectionClosedEventListener;
import com.alipay.sofa.jraft.rpc.impl.core.AppendEntriesRequestProcessor;
import com.alipay.sofa.jraft.util.RpcFactoryHelper;
import io.keelmq.broker.raft.GroupSnapshots.Published;
import io.keelmq.common.HostPort;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Takes the other members' connections, on one address. Thread-safe. */
final class RaftServer {

  private static final int THREADS = 8;
  private static final int QUEUED_REQUESTS = 4_096;

  private final RpcServer server;
  private final ThreadPoolExecutor requests;
  private final ThreadPoolExecutor appendThread;

  private final Connections connections;
  private final AppendAnswers appends;

  private RaftServer(
      GuardedServer server,
      ThreadPoolExecutor requests,
      ThreadPoolExecutor appendThread,
      Connections connections) {
    this.server = server;
    this.appendThread = appendThread;
    this.appends = server.appends;
    this.requests = requests;
    this.connections = connections;
  }

  /**
   * JRaft registers its processors itself; the one for entries goes through {@link AppendAnswers},
   * and is not told of connections that end.
   *
   * <p>It would end the thread that it keeps for the requests of that leader, and wait for it up to
   * 15 s, holding the lock that this thread needs for the next request in its queue, and that each
   * request of a new leader needs (AppendEntriesRequestProcessor and MpscSingleThreadExecutor, seen
   * in 1.4.1): for 15 s after a leader's death its followers would hear nobody. Requests have one
   * thread of ours instead, and what JRaft keeps for a leader, two counters and an empty queue,
   * stays.
   */
  private static final class GuardedServer extends BoltRpcServer {
    private final BooleanSupplier logFailed;
    private final Supplier<Published> snapshot;
    private final Executor appendThread;
    private AppendAnswers appends;

    GuardedServer(
        com.alipay.remoting.rpc.RpcServer bolt,
        BooleanSupplier logFailed,
        Supplier<Published> snapshot,
        Executor appendThread) {
      super(bolt);
      this.logFailed = logFailed;
      this.snapshot = snapshot;
      this.appendThread = appendThread;
    }

    @Override
    public void registerConnectionClosedEventListener(ConnectionClosedEventListener listener) {
      if (!(listener instanceof AppendEntriesRequestProcessor)) {
        super.registerConnectionClosedEventListener(listener);
      }
    }

    @Override
    @SuppressWarnings("rawtypes") // as JRaft declares it
    public void registerProcessor(RpcProcessor processor) {
      if (processor instanceof AppendEntriesRequestProcessor entries) {
        appends = new AppendAnswers(entries, appendThread, logFailed, snapshot);
        super.registerProcessor(appends);
      } else {
        super.registerProcessor(processor);
      }
    }
  }

  /**
   * Those that are open, so that none outlives the server. Bolt forgets one that it has accepted
   * and not yet counted when it ends: the peer goes on to use it, and is answered by the next
   * replica in this process as far as JRaft keeps no thread of the server's for the request, and
   * refused for the rest; for ever, because nothing tells it to connect anew.
   */
  private static final class Connections {
    private final Set<Connection> open = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    void opened(Connection connection) {
      open.add(connection);
      // Whichever comes second sees what the other has written.
      if (closed) {
        connection.close();
      }
    }

    void ended(Connection connection) {
      open.remove(connection);
    }

    void close() {
      closed = true;
      open.forEach(Connection::close);
    }
  }

  /**
   * @param logFailed whether entries that were handed to the log may not be in it
   * @param snapshot the newest that is published here
   * @throws IOException if the address cannot be listened on
   */
  static RaftServer listen(
      HostPort address, BooleanSupplier logFailed, Supplier<Published> snapshot)
      throws IOException {
    ThreadPoolExecutor requests = pool("raft-requests-", THREADS);
    requests.allowCoreThreadTimeOut(true);
    // One leader at a time, whose requests are in an order.
    ThreadPoolExecutor appendThread = pool("raft-appends-", 1);
    RaftFrames.ensure();
    // Or Bolt would take requests out of their order.
    RpcFactoryHelper.rpcFactory().ensurePipeline();
    // JRaft's own factory takes a port alone and listens on every address of the machine.
    var bolt = new com.alipay.remoting.rpc.RpcServer(address.host(), address.port(), true);
    var connections = new Connections();
    bolt.addConnectionEventProcessor(
        ConnectionEventType.CONNECT, (remote, connection) -> connections.opened(connection));
    bolt.addConnectionEventProcessor(
        ConnectionEventType.CLOSE, (remote, connection) -> connections.ended(connection));
    var server = new GuardedServer(bolt, logFailed, snapshot, appendThread);
    RaftRpcServerFactory.addRaftRequestProcessors(server, requests, requests);
    boolean listening = false;
    try {
      listening = server.init(null);
    } catch (RuntimeException e) {
      throw new IOException(
          "raft.listen %s: %s; another process may have it".formatted(address, e.getMessage()), e);
    } finally {
      if (!listening) {
        requests.shutdown();
        appendThread.shutdown();
      }
    }
    if (!listening) {
      throw new IOException(
          "raft.listen %s cannot be listened on; another process may have it".formatted(address));
    }
    return new RaftServer(server, requests, appendThread, connections);
  }

  private static ThreadPoolExecutor pool(String name, int threads) {
    var number = new AtomicInteger();
    return new ThreadPoolExecutor(
        threads,
        threads,
        60,
        TimeUnit.SECONDS,
        new LinkedBlockingQueue<>(QUEUED_REQUESTS),
        task -> {
          var thread = new Thread(task, name + number.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        });
  }

  RpcServer rpcServer() {
    return server;
  }

  AppendAnswers appends() {
    return appends;
  }

  void close() {
    server.shutdown();
    connections.close();
    requests.shutdown();
    appendThread.shutdown();
  }
}
