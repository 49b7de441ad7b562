package io.keelmq.broker.api;

import com.google.protobuf.ByteString;
import io.keelmq.broker.MessageLog;
import io.keelmq.broker.Replica;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.HeldRun;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.TransactionCheck;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks producers that are connected here what became of half messages that nobody decided.
 *
 * <p>Every replica is told of every check and asks one producer of its own, if it has one:
 * whichever answers first decides, and the others repeat it. A check that cannot be asked now is
 * dropped: the state machine has it come again. Thread-safe; the replica's listener thread only
 * hands over, and bodies are read by the readers.
 */
public final class TransactionChecks {

  /** Checks that wait for a reader; more are dropped. */
  static final int MAX_WAITING = 1_024;

  private static final Logger LOG = LoggerFactory.getLogger(TransactionChecks.class);

  /** A producer that answers checks. */
  public interface Asked {

    /** Whether it takes what it is sent. */
    boolean isReady();

    /**
     * Hands a check over, or drops it if that has changed meanwhile.
     *
     * @param heard called when it was handed over
     */
    void ask(TransactionCheck check, Runnable heard);
  }

  private final Replica replica;
  private final Executor readers;
  private final Consumer<Command.HeardCheck> onHeard;
  private final ApiStats stats;
  private final Map<String, List<Asked>> producers = new ConcurrentHashMap<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicInteger turn = new AtomicInteger();

  /**
   * @param onHeard told of checks that producers were handed, on their threads
   */
  TransactionChecks(
      Replica replica, Executor readers, Consumer<Command.HeardCheck> onHeard, ApiStats stats) {
    this.replica = replica;
    this.readers = readers;
    this.onHeard = onHeard;
    this.stats = stats;
  }

  /** Until {@link #remove}, with the same topics. */
  public void add(Collection<String> topics, Asked producer) {
    for (String topic : topics) {
      producers.compute(
          topic,
          (name, known) -> {
            List<Asked> all = known == null ? new CopyOnWriteArrayList<>() : known;
            all.add(producer);
            return all;
          });
    }
  }

  public void remove(Collection<String> topics, Asked producer) {
    for (String topic : topics) {
      producers.computeIfPresent(
          topic,
          (name, known) -> {
            known.remove(producer);
            return known.isEmpty() ? null : known;
          });
    }
  }

  /** Called on the replica's listener thread. */
  void applied(List<Effect> effects) {
    for (Effect effect : effects) {
      if (effect instanceof Effect.CheckTransaction check && !producers.isEmpty()) {
        handOver(check);
      }
    }
  }

  private void handOver(Effect.CheckTransaction check) {
    if (waiting.incrementAndGet() > MAX_WAITING) {
      waiting.decrementAndGet();
      stats.checksDropped.increment();
      return;
    }
    try {
      readers.execute(() -> ask(check));
    } catch (RejectedExecutionException e) {
      // This replica is ending.
      waiting.decrementAndGet();
      stats.checksDropped.increment();
    }
  }

  private void ask(Effect.CheckTransaction check) {
    waiting.decrementAndGet();
    try {
      Optional<Topic> topic = replica.state().topic(check.topicId());
      List<Asked> all =
          topic
              .map(Topic::name)
              .map(name -> producers.getOrDefault(name, List.of()))
              .orElse(List.of());
      if (all.isEmpty()) {
        return;
      }
      Optional<Asked> ready = firstReady(all);
      // The row is looked up now and not when the check was due: it may be decided since, and a
      // replica that catches up is told of checks that are long past.
      Optional<HeldRun> held =
          replica
              .state()
              .held(check.topicId(), check.held())
              .filter(run -> run.half() && run.checks() == check.check());
      if (held.isEmpty()) {
        return;
      }
      Optional<ByteString> records =
          ready.flatMap(producer -> records(check.topicId(), held.get()));
      if (records.isEmpty()) {
        stats.checksDropped.increment();
        return;
      }
      ready
          .get()
          .ask(
              TransactionCheck.newBuilder()
                  .setTopic(topic.get().name())
                  .setHeldId(check.held().toString())
                  .setRecord(records.get())
                  .setCheck(check.check())
                  .build(),
              () ->
                  onHeard.accept(
                      new Command.HeardCheck(check.topicId(), check.held(), check.check())));
    } catch (RuntimeException e) {
      stats.checksDropped.increment();
      LOG.error("half message={} its producer could not be asked", check.held(), e);
    }
  }

  /** Producers take turns; one that does not read what it is sent is passed over. */
  private Optional<Asked> firstReady(List<Asked> all) {
    Asked[] now = all.toArray(Asked[]::new);
    int first = Math.floorMod(turn.getAndIncrement(), Math.max(1, now.length));
    for (int i = 0; i < now.length; i++) {
      Asked candidate = now[(first + i) % now.length];
      if (candidate.isReady()) {
        return Optional.of(candidate);
      }
    }
    return Optional.empty();
  }

  private Optional<ByteString> records(long topicId, HeldRun held) {
    return entry(replica.state(), replica.log(), topicId, held)
        .map(found -> records(found.held(), found.entry()));
  }

  /** What a held run consists of, as in {@code Run.records}. */
  /** A run with the entry that it lies in. */
  record Found(HeldRun held, ByteBuffer entry) {}

  /** Looks the run up once more where nothing is found: it may have been relocated meanwhile. */
  static Optional<Found> entry(StateView state, MessageLog log, long topicId, HeldRun held) {
    return log.entry(held.run().logIndex())
        .map(entry -> new Found(held, entry))
        .or(
            () ->
                state
                    .held(topicId, held.id())
                    .flatMap(
                        now ->
                            log.entry(now.run().logIndex()).map(entry -> new Found(now, entry))));
  }

  static ByteString records(HeldRun held, ByteBuffer entry) {
    return ByteString.copyFrom(entry.slice(held.run().position(), held.run().bytes()));
  }
}
