package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.rpc.Connection;
import com.alipay.sofa.jraft.rpc.RpcContext;
import com.alipay.sofa.jraft.rpc.RpcProcessor;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesResponse;
import com.alipay.sofa.jraft.util.RpcFactoryHelper;
import io.keelmq.broker.raft.GroupSnapshots.Published;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a follower from confirming entries that its disk has refused, and from refusing those that
 * its snapshot covers ({@link CoveredEntries}).
 *
 * <p>A leader whose connection broke sends again what was not answered. The follower has these
 * entries in memory then, and JRaft puts an empty task behind the ones that wait for the disk; when
 * those fail, it answers the empty one with success all the same (LogManagerImpl, seen in 1.4.1).
 * The leader would count entries that are on no disk of this follower. So a success for entries
 * leaves only while the log takes changes: it is poisoned before the task behind is run.
 *
 * <p>Thread-safe.
 */
final class AppendAnswers implements RpcProcessor<AppendEntriesRequest> {

  private static final Logger LOG = LoggerFactory.getLogger(AppendAnswers.class);

  private static final int LINES_APART = 500;

  private final RpcProcessor<AppendEntriesRequest> raft;
  private final Executor thread;
  private final BooleanSupplier logFailed;
  private final Supplier<Published> snapshot;
  private final LongAdder requests = new LongAdder();
  private final LongAdder withheld = new LongAdder();
  private final AtomicLong contradictions = new AtomicLong();

  /**
   * @param raft JRaft's own processor
   * @param thread one, for all requests in their order
   * @param logFailed whether entries that were handed to the log may not be in it
   * @param snapshot the newest that is published here
   */
  AppendAnswers(
      RpcProcessor<AppendEntriesRequest> raft,
      Executor thread,
      BooleanSupplier logFailed,
      Supplier<Published> snapshot) {
    this.raft = raft;
    this.thread = thread;
    this.logFailed = logFailed;
    this.snapshot = snapshot;
  }

  /** With entries, from leaders. */
  long requests() {
    return requests.sum();
  }

  /** Successes that were not told. */
  long withheld() {
    return withheld.sum();
  }

  @Override
  public void handleRequest(RpcContext caller, AppendEntriesRequest request) {
    Published newest = snapshot.get();
    if (CoveredEntries.contradict(request, newest)) {
      contradicted(caller, request, newest);
      return;
    }
    AppendEntriesRequest uncovered = CoveredEntries.cut(request, newest);
    if (request.getEntriesCount() == 0) {
      raft.handleRequest(caller, uncovered);
    } else {
      requests.increment();
      raft.handleRequest(new WhileLogIsSound(caller), uncovered);
    }
  }

  /** JRaft would call entries below what is applied stored, whatever they are. */
  private void contradicted(RpcContext caller, AppendEntriesRequest request, Published newest) {
    // It comes again several times a second.
    if (contradictions.getAndIncrement() % LINES_APART == 0) {
      LOG.error(
          "{} sends other entries up to {} than this replica's snapshot covers: it leads no more, or"
              + " has lost what was acknowledged; its entries are not taken",
          request.getServerId(),
          newest.index());
    }
    caller.sendResponse(
        RpcFactoryHelper.responseFactory()
            .newResponse(
                AppendEntriesResponse.getDefaultInstance(),
                RaftError.EINVAL,
                "entries up to %d of term %d are committed, other ones were sent",
                newest.index(),
                newest.term()));
  }

  @Override
  public String interest() {
    return raft.interest();
  }

  @Override
  public Executor executor() {
    return thread;
  }

  @Override
  public ExecutorSelector executorSelector() {
    return (request, header) -> thread;
  }

  private final class WhileLogIsSound implements RpcContext {
    private final RpcContext caller;

    WhileLogIsSound(RpcContext caller) {
      this.caller = caller;
    }

    @Override
    public void sendResponse(Object response) {
      boolean confirms = response instanceof AppendEntriesResponse answer && answer.getSuccess();
      if (confirms && logFailed.getAsBoolean()) {
        withheld.increment();
        LOG.warn("entries are not confirmed to {}: the log failed", caller.getRemoteAddress());
        caller.sendResponse(
            RpcFactoryHelper.responseFactory()
                .newResponse(
                    AppendEntriesResponse.getDefaultInstance(),
                    RaftError.EIO,
                    "the log of this replica has failed"));
      } else {
        caller.sendResponse(response);
      }
    }

    @Override
    public Connection getConnection() {
      return caller.getConnection();
    }

    @Override
    public String getRemoteAddress() {
      return caller.getRemoteAddress();
    }
  }
}
