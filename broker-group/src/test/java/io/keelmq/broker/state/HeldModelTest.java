package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.time;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Placing;
import io.keelmq.broker.state.StateView.HeldCounts;
import io.keelmq.broker.state.testing.MapTables;
import io.keelmq.broker.state.testing.StateScript;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Delayed and half messages against a model of what may happen to each: never visible early, never
 * twice, never after a recall or a rollback, and all that is left is visible in the end.
 */
class HeldModelTest {

  private enum Fate {
    WAITS,
    RECALLED,
    COMMITTED,
    ROLLED_BACK,
    AT_ONCE
  }

  private static final class Sent {
    final String topic;
    final Placing placing;
    final long storedMillis;
    Fate fate = Fate.WAITS;
    int checks;
    int heard;
    int missed;

    Sent(String topic, Placing placing, long storedMillis) {
      this.topic = topic;
      this.placing = placing;
      this.storedMillis = storedMillis;
    }
  }

  private final long seed = Long.getLong("seed", System.nanoTime());
  private final Random random = new Random(seed);
  private final StateScript script = new StateScript();
  private final Map<HeldId, Sent> sent = new HashMap<>();
  private final List<HeldId> ids = new ArrayList<>();
  private final Map<Long, String> topics = new HashMap<>();
  private final Map<HeldId, Long> visibleAt = new HashMap<>();
  private final Map<String, Long> nextOffsets = new HashMap<>();
  private final List<Command.SendMessages> earlier = new ArrayList<>();
  private final Map<Command.SendMessages, Reply.Stored> firstReplies = new HashMap<>();
  private long nowMillis;
  private long sequence;
  private boolean onlyHeardCount;

  @Test
  void eachMessageHasTheOneFateThatWasDecided() {
    play(4_000);
  }

  @Test
  void whereOnlyHeardChecksCountToo() {
    script.raised();
    onlyHeardCount = true;
    play(1_500);
  }

  private void play(int steps) {
    for (int i = 0; i < 2; i++) {
      script.topic("later" + i, 2, TopicType.DELAY);
      script.topic("deals" + i, 2, TopicType.TRANSACTION);
    }
    script.view.topics().forEach(topic -> topics.put(topic.id(), topic.name()));

    for (int step = 0; step < steps; step++) {
      nowMillis += random.nextInt(50) == 0 ? random.nextInt(20_000) : random.nextInt(30);
      script.at(nowMillis);
      if (random.nextInt(60) == 0) {
        script.restart();
      }
      switch (random.nextInt(8)) {
        case 0, 1 -> send();
        case 2 -> repeatSend();
        case 3 -> recall();
        case 4, 5 -> decide();
        default -> advance();
      }
      look();
    }
    // Long enough for every delay and every check; then nothing may be left.
    long left = 200_000;
    while (script.view.nextDueMillis().isPresent()) {
      nowMillis = Math.max(nowMillis, script.view.nextDueMillis().getAsLong() - time(0));
      script.at(nowMillis);
      advance();
      look();
      assertTrue(--left > 0, "seed " + seed + ": no end of what is due");
    }

    assertEquals(OptionalLong.empty(), script.view.nextDueMillis(), "seed " + seed);
    assertEquals(0, script.view.heldCounts().waiting(), "seed " + seed);
    topics
        .keySet()
        .forEach(id -> assertEquals(List.of(), script.view.held(id, Optional.empty(), 10)));
    var fates = new HashSet<Fate>();
    sent.forEach(
        (id, one) -> {
          fates.add(one.fate);
          boolean shouldShow =
              one.fate == Fate.COMMITTED
                  || one.fate == Fate.AT_ONCE
                  || (one.fate == Fate.WAITS && !one.placing.half());
          assertEquals(shouldShow, visibleAt.containsKey(id), "seed " + seed + " " + id);
          if (one.fate == Fate.WAITS && one.placing.half()) {
            assertGivenUp(one, "seed " + seed + " " + id);
          }
        });
    assertEquals(5, fates.size(), "seed " + seed + " met only " + fates);
    long unanswered =
        sent.values().stream().filter(one -> one.fate == Fate.WAITS && one.placing.half()).count();
    assertEquals(new HeldCounts(0, unanswered), script.view.heldCounts(), "seed " + seed);
    replay();
  }

  private void send() {
    var runs = new ArrayList<Command.Run>();
    int position = 50;
    for (int i = 1 + random.nextInt(4); i > 0; i--) {
      boolean half = random.nextBoolean();
      String topic = (half ? "deals" : "later") + random.nextInt(2);
      // Some lie in the past, many at the same moment.
      long due = time(nowMillis / 500 * 500 + random.nextInt(12) * 500L);
      var placing = half ? Placing.onCommit(random.nextInt(3) * 1_000L) : Placing.at(due);
      int count = 1 + random.nextInt(3);
      runs.add(
          new Command.Run(
              topic, random.nextInt(2), count, position, count * 10, List.of(), placing));
      position += count * 10;
    }
    var command = StateScript.batch("p", ++sequence, runs.toArray(Command.Run[]::new));

    var stored = expect(Reply.Stored.class, script.apply(command));

    long index = script.state().applied().index();
    for (int i = 0; i < runs.size(); i++) {
      var run = runs.get(i);
      var id = new HeldId(index, run.position());
      var one = new Sent(run.topic(), run.placing(), nowMillis);
      boolean waits = stored.firstOffsets().get(i) == Reply.Stored.HELD;
      boolean inTime = !run.placing().half() && run.placing().deliverAtMillis() <= time(nowMillis);
      assertEquals(!inTime, waits, "seed " + seed);
      if (waits) {
        assertEquals(Optional.of(id), stored.held().get(i), "seed " + seed);
        ids.add(id);
      } else {
        one.fate = Fate.AT_ONCE;
      }
      sent.put(id, one);
    }
    earlier.add(command);
    firstReplies.put(command, stored);
  }

  private void repeatSend() {
    if (earlier.isEmpty()) {
      return;
    }
    int back = 1 + random.nextInt(Math.min(earlier.size(), Limits.PRODUCER_WINDOW - 1));
    var command = earlier.get(earlier.size() - back);
    var first = firstReplies.get(command);

    assertEquals(
        new Reply.Stored(first.queues(), first.firstOffsets(), first.held(), true),
        script.apply(command),
        "seed " + seed);
  }

  private void recall() {
    Optional<HeldId> id = anyId();
    if (id.isEmpty()) {
      return;
    }
    Sent one = sent.get(id.get());

    Reply reply = script.apply(new Command.RecallMessage(one.topic, id.get()));

    if (one.placing.half()) {
      assertTrue(reply instanceof Reply.Rejected, "seed " + seed);
    } else if (one.fate == Fate.WAITS && !visibleAt.containsKey(id.get())) {
      expect(Reply.Done.class, reply);
      one.fate = Fate.RECALLED;
    } else {
      StateScript.expectRejected(Rejection.HELD_NOT_FOUND, reply);
    }
  }

  private void decide() {
    Optional<HeldId> id = anyId();
    if (id.isEmpty()) {
      return;
    }
    Sent one = sent.get(id.get());
    boolean commit = random.nextBoolean();

    boolean waits = script.view.held(topicId(one.topic), id.get()).isPresent();

    Reply reply = script.apply(new Command.EndTransaction(one.topic, id.get(), commit));

    if (!one.placing.half()) {
      assertTrue(reply instanceof Reply.Rejected, "seed " + seed);
    } else if (waits) {
      assertEquals(Fate.WAITS, one.fate, "seed " + seed);
      assertTrue(
          commit
              ? reply instanceof Reply.Stored stored && !stored.duplicate()
              : reply instanceof Reply.Done,
          "seed " + seed + " " + reply);
      one.fate = commit ? Fate.COMMITTED : Fate.ROLLED_BACK;
    } else if ((one.fate == Fate.COMMITTED) == commit) {
      assertTrue(
          (commit
                  ? reply instanceof Reply.Stored stored && stored.duplicate()
                  : reply instanceof Reply.Done)
              || isForgotten(reply),
          "seed " + seed + " " + reply);
    } else {
      assertTrue(
          isForgotten(reply) || ((Reply.Rejected) reply).reason() == Rejection.TRANSACTION_DECIDED,
          "seed " + seed + " " + reply);
    }
    if (one.fate == Fate.WAITS && one.placing.half()) {
      assertGivenUp(one, "seed " + seed + " gone though undecided");
    }
  }

  private void assertGivenUp(Sent one, String what) {
    if (onlyHeardCount) {
      assertTrue(
          (one.heard == Limits.MAX_CHECKS) != (one.missed == Limits.MAX_MISSED_CHECKS), what);
    } else {
      assertEquals(Limits.MAX_CHECKS, one.checks, what);
    }
  }

  /** A producer hears of some checks, of some twice, and of some when the next is under way. */
  private void hear(Effect.CheckTransaction check) {
    Sent one = sent.get(check.held());
    one.missed++;
    if (random.nextInt(3) == 0) {
      return;
    }
    var heard = new Command.HeardCheck(check.topicId(), check.held(), check.check());
    var late = new Command.HeardCheck(check.topicId(), check.held(), check.check() - 1);
    expect(
        Reply.Done.class, script.apply(new Command.HeardChecks(List.of(late, heard, heard, late))));
    one.heard++;
    one.missed = 0;
  }

  private static boolean isForgotten(Reply reply) {
    return reply instanceof Reply.Rejected rejected
        && rejected.reason() == Rejection.HELD_NOT_FOUND;
  }

  private void advance() {
    var outcome = script.outcome(Optional.empty(), new Command.AdvanceTime());
    for (Effect effect : outcome.effects()) {
      if (effect instanceof Effect.CheckTransaction check) {
        Sent one = sent.get(check.held());
        assertEquals(Fate.WAITS, one.fate, "seed " + seed);
        assertEquals(one.topic, topics.get(check.topicId()), "seed " + seed);
        assertEquals(++one.checks, check.check(), "seed " + seed);
        long first =
            one.placing.firstCheckMillis() == 0
                ? Limits.FIRST_CHECK_MILLIS
                : one.placing.firstCheckMillis();
        long earliest = one.storedMillis + first + (one.checks - 1) * Limits.CHECK_INTERVAL_MILLIS;
        assertTrue(nowMillis >= earliest, "seed " + seed + " asked early");
        if (onlyHeardCount) {
          hear(check);
        }
      }
    }
  }

  /** Reads what is new in the queues, as a reader would. */
  private void look() {
    for (var topic : topics.entrySet()) {
      for (int queue = 0; queue < 2; queue++) {
        String key = topic.getKey() + ":" + queue;
        long next = nextOffsets.getOrDefault(key, 0L);
        for (var run : script.view.runs(topic.getKey(), queue, next, Integer.MAX_VALUE)) {
          // A run that was made longer is seen again from where it grew.
          long at = run.firstOffset();
          int position = run.position();
          while (at < run.firstOffset() + run.count()) {
            var id = new HeldId(run.logIndex(), position);
            Sent one = sent.get(id);
            if (one != null && at >= next) {
              assertEquals(topic.getValue(), one.topic, "seed " + seed);
              assertEquals(null, visibleAt.put(id, nowMillis), "seed " + seed + " twice: " + id);
              assertTrue(
                  one.fate == Fate.COMMITTED
                      || one.fate == Fate.AT_ONCE
                      || (one.fate == Fate.WAITS && !one.placing.half()),
                  "seed " + seed + " visible though " + one.fate);
              assertTrue(
                  one.placing.half() || one.placing.deliverAtMillis() <= time(nowMillis),
                  "seed " + seed + " early: " + id);
            }
            at++;
            position += 10;
          }
          assertEquals(run.timeMillis(), Math.min(run.timeMillis(), time(nowMillis)));
        }
        nextOffsets.put(key, script.view.bounds(topic.getKey(), queue).endOffset());
      }
    }
  }

  private Optional<HeldId> anyId() {
    if (ids.isEmpty()) {
      return Optional.empty();
    }
    // Mostly young ones, which still wait.
    int back =
        random.nextInt(4) == 0
            ? random.nextInt(ids.size())
            : random.nextInt(Math.min(8, ids.size()));
    return Optional.of(ids.get(ids.size() - 1 - back));
  }

  private long topicId(String name) {
    return script.view.topic(name).orElseThrow().id();
  }

  private void replay() {
    var tables = new MapTables();
    var state = new BrokerState(tables);
    for (var fed : script.log) {
      if (random.nextInt(100) == 0) {
        state = new BrokerState(tables);
      }
      for (var command : fed.commands()) {
        state.apply(fed.entry(), command.origin(), command.command());
      }
      state.finish(fed.entry());
    }
    assertEquals(script.state().applied(), state.applied(), "seed " + seed);
    assertEquals(script.tables.dump(), tables.dump(), "seed " + seed);
  }
}
