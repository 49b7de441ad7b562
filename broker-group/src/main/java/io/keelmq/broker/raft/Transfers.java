package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReplicaControl.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** Hand-overs of leadership that somebody waits for. Owned by the timer. */
final class Transfers {

  private record Waiting(long deadlineNanos, CompletableFuture<Leadership> done) {}

  private final Function<Optional<PeerId>, Status> raft;
  private final Supplier<Leadership> leadership;
  private final String self;
  private final LongSupplier nanos;
  private final long limitMillis;
  private final List<Waiting> waiting = new ArrayList<>();

  /**
   * @param raft begins a hand-over, to whoever can take it if nobody is named
   * @param limitMillis after which a hand-over has failed
   */
  Transfers(
      Function<Optional<PeerId>, Status> raft,
      Supplier<Leadership> leadership,
      String self,
      LongSupplier nanos,
      long limitMillis) {
    this.raft = raft;
    this.leadership = leadership;
    this.self = self;
    this.nanos = nanos;
    this.limitMillis = limitMillis;
  }

  void begin(Optional<PeerId> target, CompletableFuture<Leadership> done) {
    if (!leadership.get().isLeader()) {
      done.completeExceptionally(
          new Refused(
              Refused.Reason.PRECONDITION,
              "this replica does not lead; the leader is "
                  + leadership.get().leaderNode().orElse("not known")));
      return;
    }
    Status status = raft.apply(target);
    if (!status.isOk()) {
      done.completeExceptionally(
          new Refused(
              Refused.Reason.PRECONDITION,
              "leadership was not handed over: " + status.getErrorMsg()));
      return;
    }
    waiting.add(new Waiting(nanos.getAsLong() + TimeUnit.MILLISECONDS.toNanos(limitMillis), done));
  }

  void check() {
    Leadership now = leadership.get();
    boolean another = now.leaderNode().isPresent() && !now.leaderNode().get().equals(self);
    waiting.removeIf(
        transfer -> {
          if (another) {
            transfer.done().complete(now);
            return true;
          }
          if (nanos.getAsLong() - transfer.deadlineNanos() < 0) {
            return false;
          }
          transfer
              .done()
              .completeExceptionally(
                  new Refused(
                      Refused.Reason.PRECONDITION,
                      "nobody took over within " + limitMillis + " ms; try again"));
          return true;
        });
  }
}
