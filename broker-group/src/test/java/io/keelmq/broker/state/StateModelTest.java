package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.QueueOffset;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
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
  private final List<LeaseId> leases = new ArrayList<>();

  @Test
  void storesEachBatchOnceWhateverIsRepeated() {
    // Goal: exactly-once per producer and sequence, dense offsets. Method: producers that repeat
    // any
    // of their last batches at random, against a map of what was stored first.
    var script = new StateScript().raised();
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
    var script = new StateScript().raised();
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
      List<Outcome> outcomes = script.entry(commands);
      LeaseRowChecks.check(script.tables);
      for (var outcome : outcomes) {
        if (outcome.reply() instanceof Reply.Rejected rejected) {
          seen.add(rejected.reason());
        } else if (outcome.reply() instanceof Reply.Leased leased) {
          leased.leases().forEach(lease -> leases.add(lease.id()));
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
  void holdsItsRowsTogetherWhateverPlannersAndConsumersSay() {
    // Goal: senseless grants and settlements spoil no row. Method: message groups, offsets and
    // leases at random, a FIFO group and another, everything compared after each command.
    var script = new StateScript().raised();
    script.topic("a", 1, 60_000);
    script.apply(
        new Command.CreateConsumerGroup("g0", new GroupSettings(GroupKind.LEASE, true, 3, false)));
    script.apply(
        new Command.CreateConsumerGroup("g1", new GroupSettings(GroupKind.LEASE, false, 3, false)));
    script.apply(new Command.SubscribeGroup("g0", "a"));
    script.apply(new Command.SubscribeGroup("g1", "a"));
    for (int step = 0; step < 4_000; step++) {
      script.at(step * 50L);
      String group = "g" + random.nextInt(2);
      Command command =
          switch (random.nextInt(10)) {
            case 0 -> new Command.AdvanceTime();
            case 1 -> batch("p" + step, 1, run("a", 0, 1 + random.nextInt(4)));
            case 2, 3, 4, 5 -> randomGrant(script, group);
            default -> randomSettlements(group, "a");
          };
      Reply reply = script.apply(command);
      if (reply instanceof Reply.Leased leased) {
        leased.leases().forEach(lease -> leases.add(lease.id()));
      }
      LeaseRowChecks.check(script.tables);
    }
    assertTrue(leases.size() > 500, "seed " + seed + " leased only " + leases.size());
  }

  private Command randomGrant(StateScript script, String group) {
    long topicId = script.view.topic("a").orElseThrow().id();
    long groupId = script.view.consumerGroup(group).orElseThrow().id();
    long next = script.view.cursor(groupId, topicId, 0).orElseThrow().nextOffset();
    long end = script.view.bounds(topicId, 0).endOffset();
    var candidates = new ArrayList<Candidates>();
    for (int i = random.nextInt(4); i >= 0; i--) {
      candidates.add(
          new Candidates(
              random.nextInt(4) - 1,
              OffsetSet.range(next + random.nextInt(9), 1 + random.nextInt(4))));
    }
    var ready = script.view.ready(groupId, topicId, 0, 0, 20);
    Command.Grant grant =
        ready.isEmpty() || random.nextBoolean()
            ? new Command.FromCursor(next, Math.min(end, next + random.nextInt(9)), candidates)
            : randomFromReady(ready.get(random.nextInt(ready.size())));
    return new Command.GrantLeases(group, "a", 0, 0, "c", "", 1_000, List.of(grant));
  }

  private Command.Grant randomFromReady(StateView.Batch batch) {
    long first = batch.offsets().first();
    return new Command.FromReady(
        batch.id(),
        List.of(
            new Candidates(random.nextInt(4) - 1, OffsetSet.range(first + random.nextInt(2), 3)),
            new Candidates(batch.messageGroupHash(), OffsetSet.range(first, 1))),
        OffsetSet.of(first + random.nextInt(5)));
  }

  @Test
  void oneOtherCommandGivesAnotherDigest() {
    var one = new StateScript().raised();
    one.topic("a", 1);
    one.apply(batch("p", 1, run("a", 0, 1)));
    var other = new StateScript().raised();
    other.topic("a", 1);
    other.apply(batch("p", 1, run("a", 0, 2)));

    assertNotEquals(one.state().applied().digest(), other.state().applied().digest());
  }

  @Test
  void keepsOnlyTheLastDigests() {
    var script = new StateScript().raised();
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
    return switch (random.nextInt(24)) {
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
              group,
              random.nextBoolean()
                  ? GroupSettings.of(GroupKind.OFFSET)
                  : new GroupSettings(GroupKind.LEASE, random.nextBoolean(), 2, false));
      case 4 -> new Command.DeleteConsumerGroup(group);
      case 5 -> new Command.SeekOffsets(group, topic, offsets);
      case 6, 7 -> new Command.CommitOffsets(group, topic, random.nextInt(3), offsets);
      case 8, 9 -> new Command.AdvanceTime();
      case 14 -> new Command.SubscribeGroup(group, topic);
      case 15, 16 -> randomGrant(group, topic);
      case 17, 18 -> randomSettlements(group, topic);
      case 10, 11 ->
          StateScript.byId(
              "c" + random.nextInt(2), topic, random.nextInt(4) - 1, "m" + random.nextInt(500));
      case 19 -> new Command.RecallMessage(topic, randomHeld());
      case 20 -> new Command.EndTransaction(topic, randomHeld(), random.nextBoolean());
      case 21 ->
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
      case 22 -> randomRelocation();
      case 23 ->
          new Command.TrimQueues(
              List.of(
                  new Command.Trim(
                      random.nextInt(6) - 1,
                      random.nextInt(4) - 1,
                      random.nextInt(60) - 1,
                      random.nextBoolean()
                          ? new Command.BySize(random.nextInt(3) - 1)
                          : new Command.ByDisk(random.nextInt(9_000) - 1_000))));
      default ->
          batch(
              "p" + random.nextInt(3),
              random.nextInt(2),
              random.nextInt(300),
              run(topic, random.nextInt(4) - 1, random.nextInt(4)));
    };
  }

  /** Of rows that there may be, under addresses that they may have. */
  private Command randomRelocation() {
    var from = new BodyAddress(random.nextInt(6_000), random.nextInt(3) * 100);
    var run = new Command.RunKey(random.nextInt(6), random.nextInt(3), random.nextInt(60) - 1);
    var held = new Command.HeldKey(random.nextInt(6), randomHeld());
    int bytes = random.nextInt(5) * 10;
    return new Command.RelocateBodies(
        List.of(
            new Command.Body(from, random.nextInt(900), bytes, List.of(run, run), List.of(held))));
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

  /** Without sense or order, the message groups of a FIFO group included. */
  private Command randomGrant(String group, String topic) {
    var grants = new ArrayList<Command.Grant>();
    for (int i = random.nextInt(3); i >= 0; i--) {
      var candidates = new ArrayList<Candidates>();
      for (int j = random.nextInt(3); j >= 0; j--) {
        candidates.add(new Candidates(random.nextInt(3) - 1, randomOffsets()));
      }
      long from = random.nextInt(60) - 1L;
      grants.add(
          random.nextInt(3) > 0
              ? new Command.FromCursor(from, from + random.nextInt(30) - 1, candidates)
              : new Command.FromReady(randomLease(), candidates, randomOffsets()));
    }
    return new Command.GrantLeases(
        group,
        topic,
        random.nextInt(4) - 1,
        random.nextInt(2),
        "c",
        "",
        random.nextInt(3_000) + 900,
        grants);
  }

  private Command randomSettlements(String group, String topic) {
    var kinds = SettlementKind.values();
    var settlements = new ArrayList<Settlement>();
    for (int i = random.nextInt(5); i >= 0; i--) {
      settlements.add(
          new Settlement(
              kinds[random.nextInt(kinds.length)],
              randomLease(),
              random.nextBoolean() ? OffsetSet.EMPTY : randomOffsets(),
              1_000 + random.nextInt(1_000) - (random.nextInt(20) == 0 ? 2_000 : 0)));
    }
    return new Command.SettleLeases(
        group, topic, Math.max(0, random.nextInt(4) - 2), random.nextInt(4) / 3, settlements);
  }

  /** One that there may be: entries are numbered from 1. */
  private LeaseId randomLease() {
    return leases.isEmpty() || random.nextInt(10) == 0
        ? new LeaseId(random.nextInt(6_000) - 1, random.nextInt(3))
        : leases.get(leases.size() - 1 - random.nextInt(Math.min(30, leases.size())));
  }

  private OffsetSet randomOffsets() {
    var offsets = new OffsetSet.Builder();
    long next = random.nextInt(60);
    for (int i = random.nextInt(3); i >= 0; i--) {
      long end = next + 1 + random.nextInt(6);
      offsets.add(next, end);
      next = end + random.nextInt(3);
    }
    return offsets.build();
  }
}
