package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.QueueOffset;
import io.keelmq.broker.state.testing.MapTables;
import io.keelmq.broker.state.testing.StateScript;
import io.keelmq.broker.state.testing.StateScript.FedCommand;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Random commands, sensible and senseless, sent once or more often. The state machine must never
 * throw, must store each batch once under dense offsets, and must come to the same rows and digest
 * when the same entries are applied again, also with restarts between them.
 */
class StateModelTest {

  private static final String[] TOPICS = {"a", "b", "c", "%RETRY%x"};

  private final long seed = Long.getLong("seed", System.nanoTime());
  private final Random random = new Random(seed);

  @Test
  void storesEachBatchOnceWhateverIsRepeated() {
    // Goal: exactly-once per producer and sequence, dense offsets. Method: producers that repeat
    // any
    // of their last batches at random, against a map of what was stored first.
    var script = new StateScript();
    script.topic("a", 3);
    script.topic("b", 1);
    Map<String, Reply.Stored> first = new HashMap<>();
    Map<String, Command.SendMessages> sent = new HashMap<>();
    long[] last = new long[4];
    long[] expectedEnds = new long[4];
    for (int step = 0; step < 5_000; step++) {
      int producer = random.nextInt(last.length);
      long back = random.nextInt(3) == 0 ? random.nextInt(Limits.PRODUCER_WINDOW) : 0;
      long sequence = Math.max(1, last[producer] + 1 - back);
      String id = producer + ":" + sequence;
      var command = sent.computeIfAbsent(id, key -> randomBatch("p" + producer, sequence));
      if (random.nextInt(50) == 0) {
        script.restart();
      }

      var stored = StateScript.expect(Reply.Stored.class, script.at(step).apply(command));

      if (first.containsKey(id)) {
        assertEquals(
            new Reply.Stored(first.get(id).queues(), first.get(id).firstOffsets(), true),
            stored,
            "seed " + seed);
      } else {
        assertTrue(!stored.duplicate(), "seed " + seed);
        for (int i = 0; i < command.runs().size(); i++) {
          var run = command.runs().get(i);
          int queue = run.topic().equals("a") ? run.queue() : 3;
          assertEquals(expectedEnds[queue], stored.firstOffsets().get(i), "seed " + seed);
          expectedEnds[queue] += run.count();
        }
        first.put(id, stored);
        last[producer] = sequence;
      }
    }
    assertRunsAreDense(script, "a", 3);
    assertRunsAreDense(script, "b", 1);
    assertTrue(first.size() > 2_000, "seed " + seed + " stored only " + first.size());
  }

  @Test
  void neverThrowsAndReplaysToTheSameRows() {
    // Goal: total and deterministic. Method: 6,000 random entries, replayed with restarts.
    var script = new StateScript();
    Set<Rejection> seen = new HashSet<>();
    for (int step = 0; step < 6_000; step++) {
      script.at(step * 10L - random.nextInt(2_000));
      var commands = new ArrayList<FedCommand>();
      for (int i = random.nextInt(4); i >= 0; i--) {
        Optional<CommandOrigin> origin =
            random.nextBoolean()
                ? Optional.empty()
                : Optional.of(new CommandOrigin(1 + random.nextInt(3), random.nextInt(2_000)));
        commands.add(new FedCommand(origin, randomCommand()));
      }
      for (var outcome : script.entry(commands)) {
        if (outcome.reply() instanceof Reply.Rejected rejected) {
          seen.add(rejected.reason());
        }
      }
    }
    assertTrue(seen.size() >= 12, "seed " + seed + " met only " + seen);

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
    assertEquals(5, new StateView(tables).digests().size(), "6,000 entries, one in 1,024");
  }

  @Test
  void oneOtherCommandGivesAnotherDigest() {
    var one = new StateScript();
    one.topic("a", 1);
    one.apply(batch("p", 1, run("a", 0, 1)));
    var other = new StateScript();
    other.topic("a", 1);
    other.apply(batch("p", 1, run("a", 0, 2)));

    assertNotEquals(one.state().applied().digest(), other.state().applied().digest());
  }

  @Test
  void keepsOnlyTheLastDigests() {
    var script = new StateScript();
    for (int i = 0; i < 40_000; i++) {
      script.apply(new Command.AdvanceTime());
    }

    var digests = script.view.digests();

    assertEquals(16, digests.size());
    assertEquals(40_000 / 1_024 * 1_024, digests.get(15).index());
    assertEquals((40_000 / 1_024 - 15) * 1_024, digests.get(0).index());
  }

  private void assertRunsAreDense(StateScript script, String name, int queues) {
    long id = script.view.topic(name).orElseThrow().id();
    for (int queue = 0; queue < queues; queue++) {
      long next = 0;
      for (var run : script.view.runs(id, queue, 0, Integer.MAX_VALUE)) {
        assertEquals(next, run.firstOffset(), "seed " + seed);
        next += run.count();
      }
      assertEquals(script.view.bounds(id, queue).endOffset(), next, "seed " + seed);
    }
  }

  private Command.SendMessages randomBatch(String producer, long sequence) {
    var runs = new Command.Run[1 + random.nextInt(4)];
    for (int i = 0; i < runs.length; i++) {
      int count = 1 + random.nextInt(5);
      runs[i] =
          random.nextInt(4) == 0
              ? run("b", 0, count, i * 1_000)
              : run("a", random.nextInt(3), count, i * 1_000);
    }
    return batch(producer, sequence, runs);
  }

  private Command randomCommand() {
    String topic = random.nextInt(20) == 0 ? "?" : TOPICS[random.nextInt(TOPICS.length)];
    String group = random.nextInt(20) == 0 ? "?" : "g" + random.nextInt(3);
    var offsets = List.of(new QueueOffset(random.nextInt(4) - 1, random.nextInt(40) - 2));
    return switch (random.nextInt(17)) {
      case 0 ->
          new Command.CreateTopic(
              topic,
              TopicType.ofCode(1 + random.nextInt(5)),
              random.nextInt(4),
              random.nextInt(2) * 5_000L);
      case 1 ->
          new Command.AlterTopic(
              topic, OptionalInt.of(random.nextInt(5)), OptionalLong.of(random.nextInt(9_000) - 1));
      case 2 ->
          random.nextInt(4) == 0
              ? new Command.DeleteTopic(topic)
              : new Command.AlterTopic(topic, OptionalInt.empty(), OptionalLong.empty());
      case 3 ->
          new Command.CreateConsumerGroup(
              group, random.nextBoolean() ? GroupKind.OFFSET : GroupKind.LEASE);
      case 4 -> new Command.DeleteConsumerGroup(group);
      case 5 -> new Command.SeekOffsets(group, topic, offsets);
      case 6, 7 -> new Command.CommitOffsets(group, topic, random.nextInt(3), offsets);
      case 8, 9 -> new Command.AdvanceTime();
      case 10, 11 ->
          StateScript.byId(
              "c" + random.nextInt(2), topic, random.nextInt(4) - 1, "m" + random.nextInt(500));
      case 12 -> new Command.RecallMessage(topic, randomHeld());
      case 13 -> new Command.EndTransaction(topic, randomHeld(), random.nextBoolean());
      case 14 ->
          new Command.SendMessages(
              new Command.ClientMessageIds("c"),
              List.of(
                  new Command.Run(
                      topic,
                      random.nextInt(3),
                      1,
                      random.nextInt(3) * 100,
                      10,
                      List.of("h" + random.nextInt(500)),
                      randomPlacing())));
      default ->
          batch(
              "p" + random.nextInt(3),
              random.nextInt(2),
              random.nextInt(300),
              run(topic, random.nextInt(4) - 1, random.nextInt(4)));
    };
  }

  private Command.Placing randomPlacing() {
    return new Command.Placing(
        random.nextInt(3) == 0 ? 0 : StateScript.time(random.nextInt(120_000)),
        random.nextInt(3) == 0,
        random.nextInt(4) == 0 ? random.nextInt(3_000) - 100 : 0);
  }

  private HeldId randomHeld() {
    return new HeldId(random.nextInt(6_000), random.nextInt(3) * 100);
  }
}
