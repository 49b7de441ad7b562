package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
import io.keelmq.broker.state.Command.FromReady;
import io.keelmq.broker.state.Command.GrantLeases;
import io.keelmq.broker.state.Command.QueueOffset;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.StateView.Batch;
import io.keelmq.broker.state.StateView.Source;
import io.keelmq.broker.state.testing.MapTables;
import io.keelmq.broker.state.testing.StateScript;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * Producers, planners and consumers at random: late, repeated, lost and senseless commands among
 * sensible ones, against {@link NaiveLeases}. Everything is compared after every step.
 */
final class LeasePlay {

  private static final String[] TOPICS = {"a", "b"};
  private static final String[] GROUPS = {"plain", "fifo", "once"};
  private static final Map<String, GroupSettings> SETTINGS =
      Map.of(
          "plain", new GroupSettings(GroupKind.LEASE, false, 3, false),
          "fifo", new GroupSettings(GroupKind.LEASE, true, 3, false),
          "once", new GroupSettings(GroupKind.LEASE, true, 1, true));

  final StateScript script;
  private final Random random;
  private long millis;
  private long sequence;

  /** By topic and queue: the message group of each offset. */
  private final Map<String, List<Long>> hashes = new HashMap<>();

  /** By topic and group: what is out of each queue, for groups that subscribed. */
  private final Map<String, Map<Integer, NaiveLeases>> models = new LinkedHashMap<>();

  private final List<LeaseId> names = new ArrayList<>();
  private final Map<String, Map<Source, Integer>> dead = new HashMap<>();
  private Map<Subscription, LeaseRowChecks.Of> rows = Map.of();

  /** How often each kind of thing happened, so that a test can tell that it did. */
  final Map<String, Integer> happened = new HashMap<>();

  private Optional<MapTables> snapshot = Optional.empty();
  private int snapshotAt;

  LeasePlay(long seed, UnaryOperator<Tables> between) {
    random = new Random(seed);
    script = new StateScript(between);
    for (String topic : TOPICS) {
      createTopic(topic);
    }
    for (String group : GROUPS) {
      script.apply(new Command.CreateConsumerGroup(group, SETTINGS.get(group)));
    }
  }

  private void createTopic(String topic) {
    script.topic(topic, topic.equals("a") ? 2 : 1, topic.equals("a") ? 0 : 40_000);
  }

  void play(int steps) {
    for (int step = 0; step < steps; step++) {
      millis += random.nextInt(400);
      script.at(millis);
      if (random.nextInt(60) == 0) {
        script.restart();
      }
      if (step == steps / 2) {
        snapshot = Optional.of(script.tables.copy());
        snapshotAt = script.log.size();
      }
      step(TOPICS[random.nextInt(TOPICS.length)], GROUPS[random.nextInt(GROUPS.length)]);
      check();
    }
  }

  private void step(String topic, String group) {
    int dice = random.nextInt(100);
    if (dice < 18) {
      send(topic);
    } else if (dice < 22) {
      subscribe(topic, group);
    } else if (dice < 56) {
      grant(topic, group);
    } else if (dice < 86) {
      settle(topic, group);
    } else if (dice < 94) {
      millis += random.nextInt(5) == 0 ? 30_000 : 1_000;
      script.at(millis);
      advance();
    } else if (dice < 96) {
      seek(topic, group);
    } else if (dice < 97) {
      script.apply(
          new Command.AlterTopic("a", OptionalInt.of(2 + random.nextInt(2)), OptionalLong.empty()));
    } else if (random.nextInt(6) == 0) {
      delete(topic, group);
    }
  }

  private void send(String topic) {
    int queue = random.nextInt(queues(topic));
    int count = 1 + random.nextInt(6);
    script.apply(StateScript.batch("p", ++sequence, StateScript.run(topic, queue, count)));
    List<Long> groups = hashes.computeIfAbsent(topic + queue, key -> new ArrayList<>());
    for (int i = 0; i < count; i++) {
      groups.add(random.nextInt(3) == 0 ? 0L : random.nextInt(4) - 2L);
    }
  }

  private void subscribe(String topic, String group) {
    StateScript.expect(Reply.Done.class, script.apply(new Command.SubscribeGroup(group, topic)));
    subscribed(topic, group);
  }

  private void subscribed(String topic, String group) {
    models.computeIfAbsent(
        topic + " " + group,
        key -> {
          var queues = new TreeMap<Integer, NaiveLeases>();
          for (int queue = 0; queue < queues(topic); queue++) {
            var bounds = script.view.bounds(topicId(topic), queue);
            boolean latest = SETTINGS.get(group).fromLatest();
            queues.put(queue, model(group, latest ? bounds.endOffset() : bounds.firstOffset()));
          }
          return queues;
        });
  }

  private static NaiveLeases model(String group, long next) {
    GroupSettings settings = SETTINGS.get(group);
    return new NaiveLeases(settings.fifo(), settings.maxAttempts(), next);
  }

  private Optional<NaiveLeases> model(String topic, String group, int queue) {
    // A queue that was added since is at its beginning.
    return Optional.ofNullable(models.get(topic + " " + group))
        .map(queues -> queues.computeIfAbsent(queue, key -> model(group, 0)));
  }

  private void grant(String topic, String group) {
    int queue = random.nextInt(queues(topic));
    Optional<NaiveLeases> model = model(topic, group, queue);
    long next = model.map(known -> known.next).orElse(0L);
    int generation = model.map(known -> known.generation).orElse(0);
    var grants = new ArrayList<Command.Grant>();
    long from =
        switch (random.nextInt(12)) {
          case 0, 1 -> Math.max(0, next - random.nextInt(5));
          case 2 -> next + random.nextInt(4);
          default -> next;
        };
    for (int i = random.nextInt(3); i >= 0; i--) {
      if (random.nextInt(3) > 0) {
        FromCursor grant = fromCursor(topic, group, queue, from);
        grants.add(grant);
        from = grant.toOffset();
      } else {
        fromReady(topic, group, queue).ifPresent(grants::add);
      }
    }
    var command =
        new GrantLeases(
            group,
            topic,
            queue,
            random.nextInt(20) == 0 ? generation - 1 : generation,
            "c" + random.nextInt(2),
            "",
            1_000 + random.nextInt(20_000),
            grants);
    Reply reply = script.apply(command);
    if (reply instanceof Reply.Rejected rejected) {
      assertEquals(Rejection.INVALID, rejected.reason(), rejected.message());
      count("rejected");
      return;
    }
    var leased = StateScript.expect(Reply.Leased.class, reply);
    long first = script.view.bounds(topicId(topic), queue).firstOffset();
    if (model.isPresent()) {
      model.get().grant(command, leased, first, script.nowMillis());
    } else {
      assertEquals(List.of(), leased.leases());
    }
    for (var lease : leased.leases()) {
      names.add(lease.id());
      count(lease.attempt() > 1 ? "redelivered" : "leased");
    }
  }

  private FromCursor fromCursor(String topic, String group, int queue, long from) {
    long end = script.view.bounds(topicId(topic), queue).endOffset();
    // Rarely beyond the end, which is nonsense.
    long to = Math.min(from + random.nextInt(9), random.nextInt(40) == 0 ? end + 1 : end);
    if (to < from) {
      return new FromCursor(from, from, List.of());
    }
    var offsets = new ArrayList<Long>();
    for (long offset = from; offset < Math.min(to, end); offset++) {
      if (random.nextInt(8) > 0) {
        offsets.add(offset);
      }
    }
    List<Candidates> candidates = candidates(topic, group, queue, offsets);
    if (random.nextInt(10) == 0) {
      candidates = new ArrayList<>(candidates);
      candidates.addAll(List.copyOf(candidates));
    }
    return new FromCursor(from, to, candidates);
  }

  private List<Candidates> candidates(String topic, String group, int queue, List<Long> offsets) {
    var byHash = new LinkedHashMap<Long, OffsetSet>();
    for (long offset : offsets) {
      long hash = SETTINGS.get(group).fifo() ? hashes.get(topic + queue).get((int) offset) : 0;
      byHash.merge(hash, OffsetSet.of(offset), OffsetSet::plus);
    }
    return byHash.entrySet().stream()
        .map(entry -> new Candidates(entry.getKey(), entry.getValue()))
        .toList();
  }

  private Optional<Command.Grant> fromReady(String topic, String group, int queue) {
    List<Batch> ready =
        script.view.ready(groupId(group), topicId(topic), queue, 0, 1 + random.nextInt(5));
    if (ready.isEmpty() || random.nextInt(8) == 0) {
      return names.isEmpty()
          ? Optional.empty()
          : Optional.of(
              new FromReady(
                  names.get(random.nextInt(names.size())),
                  List.of(new Candidates(0, OffsetSet.range(random.nextInt(50), 9))),
                  OffsetSet.EMPTY));
    }
    Batch batch = ready.get(random.nextInt(ready.size()));
    var done = new OffsetSet.Builder();
    var wanted = new ArrayList<Long>();
    int keep = random.nextInt(4);
    batch
        .offsets()
        .forEach(
            offset -> {
              if (random.nextInt(10) == 0) {
                done.add(offset, offset + 1);
              } else if (keep > 0 || random.nextInt(3) > 0) {
                wanted.add(offset);
              }
            });
    if (random.nextInt(4) == 0 && wanted.size() > 1) {
      wanted.subList(1 + random.nextInt(wanted.size() - 1), wanted.size()).clear();
    }
    return Optional.of(
        new FromReady(batch.id(), candidates(topic, group, queue, wanted), done.build()));
  }

  private void settle(String topic, String group) {
    int queue = random.nextInt(queues(topic));
    Optional<NaiveLeases> model = model(topic, group, queue);
    var settlements = new ArrayList<Settlement>();
    for (int i = random.nextInt(4); i >= 0; i--) {
      settlements.add(settlement(topic, group, queue));
    }
    int generation = model.map(known -> known.generation).orElse(0);
    boolean current = random.nextInt(20) > 0;
    var reply =
        StateScript.expect(
            Reply.Settled.class,
            script.apply(
                new Command.SettleLeases(
                    group, topic, queue, current ? generation : generation + 1, settlements)));
    for (int i = 0; i < settlements.size(); i++) {
      Reply.SettledPart part = reply.parts().get(i);
      if (model.isPresent()) {
        model.get().settle(settlements.get(i), part, current, script.nowMillis());
      } else {
        assertEquals(0, part.messages());
      }
      part.lease().ifPresent(names::add);
      count(part.messages() > 0 ? settlements.get(i).kind().name() : "settled nothing");
    }
  }

  private Settlement settlement(String topic, String group, int queue) {
    var kinds = SettlementKind.values();
    SettlementKind kind =
        random.nextInt(3) == 0 ? SettlementKind.ACK : kinds[random.nextInt(kinds.length)];
    long wait =
        switch (kind) {
          case NACK -> random.nextBoolean() ? 0 : random.nextInt(5_000);
          case EXTEND, DISOWN -> 1_000 + random.nextInt(40_000);
          default -> 0;
        };
    var of = rows.get(new Subscription(topicId(topic), groupId(group), queue));
    if (of == null || of.batches.isEmpty() || random.nextInt(12) == 0) {
      LeaseId any =
          names.isEmpty() || random.nextBoolean()
              ? new LeaseId(random.nextInt(100) - 3, 500 + random.nextInt(3))
              : names.get(random.nextInt(names.size()));
      return new Settlement(kind, any, OffsetSet.range(random.nextInt(90), 5), wait);
    }
    LeaseBatch batch = of.batches.get(random.nextInt(of.batches.size()));
    OffsetSet offsets = OffsetSet.EMPTY;
    if (random.nextInt(5) > 1) {
      // The first, as a consumer that works in order; any; or some that it never had, too.
      long first = random.nextBoolean() ? batch.offsets().first() : batch.offsets().last();
      offsets = OffsetSet.range(first, 1 + random.nextInt(3));
    }
    return new Settlement(kind, batch.id(), offsets, wait);
  }

  private void seek(String topic, String group) {
    int queue = random.nextInt(queues(topic));
    long target = random.nextInt((int) script.view.bounds(topicId(topic), queue).endOffset() + 1);
    subscribed(topic, group);
    long epoch = script.view.epoch(group, topicId(topic));
    assertEquals(
        new Reply.Epoch(epoch + 1),
        script.apply(
            new Command.SeekOffsets(group, topic, List.of(new QueueOffset(queue, target)))));
    model(topic, group, queue).orElseThrow().seek(target);
    count("seek");
  }

  private void delete(String topic, String group) {
    count("delete");
    if (random.nextBoolean()) {
      script.apply(new Command.DeleteTopic(topic));
      createTopic(topic);
      models.keySet().removeIf(key -> key.startsWith(topic + " "));
      hashes.keySet().removeIf(key -> key.startsWith(topic));
    } else {
      script.apply(new Command.DeleteConsumerGroup(group));
      script.apply(new Command.CreateConsumerGroup(group, SETTINGS.get(group)));
      models.keySet().removeIf(key -> key.endsWith(" " + group));
    }
  }

  private void advance() {
    int steps = 0;
    while (script.view.nextDueMillis().orElse(Long.MAX_VALUE) <= script.nowMillis()) {
      int before = script.tables.changes();
      script.apply(new Command.AdvanceTime());
      assertTrue(script.tables.changes() - before <= 1_000, "a step is bounded");
      assertTrue(++steps < 200, "what is due comes to an end");
    }
    models
        .values()
        .forEach(queues -> queues.values().forEach(model -> model.expire(script.nowMillis())));
    LeaseRowChecks.noOrphans(script.tables);
  }

  private void check() {
    rows = LeaseRowChecks.check(script.tables);
    models.forEach(
        (key, queues) -> {
          String topic = key.substring(0, key.indexOf(' '));
          String group = key.substring(key.indexOf(' ') + 1);
          queues.forEach((queue, model) -> check(topic, group, queue, model));
        });
    LeaseRowChecks.deadLetters(script.view, List.of(GROUPS), dead);
  }

  private void check(String topic, String group, int queue, NaiveLeases model) {
    long topicId = topicId(topic);
    var at = new Subscription(topicId, groupId(group), queue);
    var of = rows.getOrDefault(at, new LeaseRowChecks.Of());
    long first = script.view.bounds(topicId, queue).firstOffset();
    var deadBefore = new HashMap<>(model.dead);
    NaiveLeasesCheck.check(model, of.batches, of.blocked, first);
    model.dead.forEach(
        (offset, times) -> {
          int more = times - deadBefore.getOrDefault(offset, 0);
          if (more > 0) {
            dead.computeIfAbsent(group, key -> new HashMap<>())
                .merge(new Source(topicId, queue, offset), more, Integer::sum);
            count("dead");
          }
        });
    StateView.Cursor cursor = script.view.cursor(at.groupId(), topicId, queue).orElseThrow();
    assertEquals(model.next, cursor.nextOffset(), "cursor of " + at);
    assertEquals(model.generation, cursor.generation());
    assertEquals(
        model.out.isEmpty() ? model.next : Math.min(model.next, model.out.firstKey()),
        script.view.lowestOutstanding(at.groupId(), topicId, queue),
        "committed of " + at);
    count("blocked", of.blocked.size());
  }

  /** Applies the same log again; restarts must not matter. */
  MapTables replay() {
    var tables = new MapTables();
    script.replay(tables, 0, () -> random.nextInt(100) == 0);
    return tables;
  }

  /** Goes on from rows copied in the middle of the play. */
  MapTables replayFromSnapshot() {
    MapTables tables = snapshot.orElseThrow().copy();
    script.replay(tables, snapshotAt, () -> random.nextInt(100) == 0);
    return tables;
  }

  private int queues(String topic) {
    return script.view.topic(topic).orElseThrow().queues();
  }

  private long topicId(String topic) {
    return script.view.topic(topic).orElseThrow().id();
  }

  private long groupId(String group) {
    return script.view.consumerGroup(group).orElseThrow().id();
  }

  private void count(String what) {
    count(what, 1);
  }

  private void count(String what, int times) {
    happened.merge(what, times, Integer::sum);
  }
}
