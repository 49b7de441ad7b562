package io.keelmq.chaos;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.raft.RaftReplica;
import io.keelmq.broker.raft.RaftReplicaOptions;
import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.Reply;
import io.keelmq.common.HostPort;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import io.keelmq.local.Waiting;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;

/**
 * The one replica of a golden folder, in this process: a group of its own, so that it needs nobody.
 * Owned by one thread.
 */
final class GoldenReplica implements AutoCloseable {

  /** Stands in the folder, and nobody listens on it. */
  private static final String ADVERTISED = "127.0.0.1:10911";

  private static final Plan PLAN =
      new Plan(
          "golden", "g0", List.of(new Member("n1", ADVERTISED, 1_000_000_001, "127.0.0.1:8081")));

  /** Small, so that a folder of some kilobytes has sealed ones. */
  private static final long SEGMENT_BYTES = 64 << 10;

  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final RaftReplica replica;
  private final AtomicReference<Throwable> fatal;

  private GoldenReplica(RaftReplica replica, AtomicReference<Throwable> fatal) {
    this.replica = replica;
    this.fatal = fatal;
  }

  /**
   * Opens the folder, and waits until its replica leads.
   *
   * @param wall the time that it takes for now: a folder of long ago would have everything due
   * @param change of how it is set up
   */
  static GoldenReplica open(
      Path folder, InstantSource wall, UnaryOperator<RaftReplicaOptions> change)
      throws IOException, UnusableFolderException, Refused {
    var fatal = new AtomicReference<Throwable>();
    int port = new PortPlan.Free(Seed.fresh().random()).place(1, 1).get(1).raftPort();
    var options =
        RaftReplicaOptions.of(
                "n1",
                "g0",
                folder,
                new HostPort("127.0.0.1", port),
                wall,
                System::nanoTime,
                cause -> fatal.compareAndSet(null, cause))
            .withRaftAdvertised(ADVERTISED)
            .withLog(SEGMENT_BYTES, SegmentedLogOptions.Sync.FSYNC);
    RaftReplica replica = RaftReplica.open(change.apply(options));
    var opened = new GoldenReplica(replica, fatal);
    if (!replica.status().started()) {
      replica.prepare(PLAN);
      replica.start(PLAN.clusterId());
    }
    if (!Waiting.until(PATIENCE, () -> replica.leadership().isLeader())) {
      String why = opened.describe();
      opened.close();
      throw new IllegalStateException(why);
    }
    return opened;
  }

  private String describe() {
    return "the replica does not lead: " + replica.status() + ", it left with " + fatal.get();
  }

  RaftReplica replica() {
    return replica;
  }

  <R extends Reply> R apply(Class<R> expected, Command command, ByteBuffer... records) {
    return apply(Optional.empty(), expected, command, records);
  }

  /** Has it applied, and gives back what it came to. */
  <R extends Reply> R apply(
      Optional<CommandOrigin> origin, Class<R> expected, Command command, ByteBuffer... records) {
    var done = new CompletableFuture<ProposalOutcome>();
    replica.propose(new Proposal(origin, command, List.of(records), done::complete));
    ProposalOutcome outcome = await(done);
    if (outcome instanceof ProposalOutcome.Applied applied
        && expected.isInstance(applied.reply())) {
      return expected.cast(applied.reply());
    }
    throw new IllegalStateException(command + " came to " + outcome);
  }

  void snapshot() {
    await(replica.snapshotNow());
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("it did not come to an end", e);
    }
  }

  /** Fails if the replica has left its group meanwhile. */
  void requireSound() {
    if (fatal.get() != null) {
      throw new IllegalStateException("the replica left its group", fatal.get());
    }
  }

  @Override
  public void close() {
    replica.close();
  }
}
