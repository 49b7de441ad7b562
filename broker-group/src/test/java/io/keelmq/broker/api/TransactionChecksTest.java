package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.TransactionCheck;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TransactionChecksTest {

  private static final List<String> DEALS = List.of("deals");

  private final FakeGroup group = new FakeGroup(1, 1);
  private final ApiStats stats = new ApiStats();
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final List<Command.HeardCheck> heard = new ArrayList<>();
  private final TransactionChecks checks =
      new TransactionChecks(group.replica(0), tasks::add, heard::add, stats);
  private long topicId;

  @BeforeEach
  void makeTopic() {
    group.elect(0);
    group.apply(new Command.CreateTopic("deals", TopicType.TRANSACTION, 1, 0));
    topicId = group.state().topic("deals").orElseThrow().id();
  }

  @AfterEach
  void stop() {
    group.close();
  }

  @Test
  void producersTakeTurnsAndSlowOnesArePassedOver() {
    var a = new FakeProducer();
    var b = new FakeProducer();
    var slow = new FakeProducer();
    slow.ready = false;
    List.of(a, b, slow).forEach(producer -> checks.add(DEALS, producer));

    for (int i = 1; i <= 6; i++) {
      tell(due(half(i)));
    }

    assertEquals(6, a.asked.size() + b.asked.size());
    assertEquals(0, slow.asked.size());
    assertEquals(2, Math.min(a.asked.size(), b.asked.size()));
  }

  @Test
  void dropsAndCountsWhatNobodyCanTake() {
    var slow = new FakeProducer();
    slow.ready = false;
    checks.add(DEALS, slow);
    var check = due(half(1));

    tell(check);
    assertEquals(1, stats.checksDropped());

    slow.ready = true;
    group.hideEntries(true);
    tell(check);
    assertEquals(2, stats.checksDropped());
    assertEquals(0, slow.asked.size());
  }

  @Test
  void asksNothingThatIsLongPast() {
    // A replica that catches up is told of checks whose messages are decided, or were asked again.
    var producer = new FakeProducer();
    checks.add(DEALS, producer);
    HeldId decided = half(1);
    var ofDecided = due(decided);
    group.apply(new Command.EndTransaction("deals", decided, true));
    HeldId again = half(2);
    var first = due(again);
    var second = due(again);

    tell(ofDecided);
    tell(first);
    assertEquals(0, producer.asked.size());

    tell(second);
    assertEquals(2, producer.asked.get(0).getCheck());
    assertEquals(0, stats.checksDropped());
  }

  @Test
  void tellsWhatWasHeardAndNothingElse() {
    var producer = new FakeProducer();
    HeldId half = half(1);
    tell(due(half));
    checks.add(DEALS, producer);
    tell(due(half));
    producer.hears = false;
    tell(due(half));

    assertEquals(2, producer.asked.size());
    assertEquals(List.of(new Command.HeardCheck(topicId, half, 2)), heard);
  }

  @Test
  void boundsWhatWaitsForAReader() {
    checks.add(DEALS, new FakeProducer());
    var check = due(half(1));

    for (int i = 0; i < TransactionChecks.MAX_WAITING + 5; i++) {
      checks.applied(List.of(check));
    }

    assertEquals(TransactionChecks.MAX_WAITING, tasks.size());
    assertEquals(5, stats.checksDropped());
    runTasks();
    checks.applied(List.of(check));
    assertEquals(1, tasks.size());
  }

  @Test
  void readsNothingWhileNobodyAnswersChecks() {
    var producer = new FakeProducer();
    checks.add(DEALS, producer);
    checks.remove(DEALS, producer);

    checks.applied(List.of(due(half(1))));

    assertEquals(0, tasks.size());
    assertEquals(0, stats.checksDropped());
  }

  /** Lets time pass to the next check of a half message, and gives back what was told. */
  private Effect.CheckTransaction due(HeldId id) {
    var told = new CompletableFuture<Effect.CheckTransaction>();
    group
        .replica(0)
        .onApplied(
            effects -> {
              for (Effect effect : effects) {
                if (effect instanceof Effect.CheckTransaction check && check.held().equals(id)) {
                  told.complete(check);
                }
              }
            });
    group.passTime(Limits.CHECK_INTERVAL_MILLIS);
    group.apply(new Command.AdvanceTime());
    return told.orTimeout(20, TimeUnit.SECONDS).join();
  }

  private HeldId half(long sequence) {
    var records = ApiCluster.run("deals", 0, "m" + sequence).getRecords();
    var run =
        new Command.Run("deals", 0, 1, 0, records.size(), List.of(), Command.Placing.onCommit(0));
    var done = new CompletableFuture<Void>();
    group
        .replica(0)
        .propose(
            new Proposal(
                Optional.empty(),
                new Command.SendMessages(
                    new Command.ProducerSequence("p", 0, sequence), List.of(run)),
                List.of(records.asReadOnlyByteBuffer()),
                outcome -> done.complete(null)));
    done.orTimeout(20, TimeUnit.SECONDS).join();
    var held = group.state().held(topicId, Optional.empty(), 1_000);
    return held.get(held.size() - 1).id();
  }

  private void tell(Effect.CheckTransaction check) {
    checks.applied(List.of(check));
    runTasks();
  }

  private void runTasks() {
    while (!tasks.isEmpty()) {
      tasks.remove().run();
    }
  }

  private static final class FakeProducer implements TransactionChecks.Asked {
    private final List<TransactionCheck> asked = new ArrayList<>();
    private boolean ready = true;
    private boolean hears = true;

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public void ask(TransactionCheck check, Runnable heard) {
      asked.add(check);
      if (hears) {
        heard.run();
      }
    }
  }
}
