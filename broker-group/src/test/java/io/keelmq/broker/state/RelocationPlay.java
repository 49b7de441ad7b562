package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.time;

import io.keelmq.broker.state.Command.Body;
import io.keelmq.broker.state.Command.HeldKey;
import io.keelmq.broker.state.Command.Placing;
import io.keelmq.broker.state.Command.RunKey;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.testing.StateScript;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;

/**
 * A log whose records are numbers, the rows that name them, and a leader that relocates and trims
 * at random, too late and more than once. The old log is let go of as soon as no row names it, so
 * an address that should not be there is one where nothing lies.
 */
final class RelocationPlay {

  private static final int RECORD_BYTES = 10;
  private static final String[] TOPICS = {"kept", "short", "later", "deals"};

  /** Which message stands at an offset. */
  private record Place(long topicId, int queue, long offset) {}

  private final StateScript script;
  private final Random random;
  private final String seed;

  /** The record at each position of each entry. */
  private final TreeMap<Long, Map<Integer, Integer>> log = new TreeMap<>();

  private final Map<Place, Integer> messages = new HashMap<>();
  private final Map<HeldId, List<Integer>> waiting = new HashMap<>();
  private final List<Command.RelocateBodies> earlier = new ArrayList<>();
  private final Map<Command.RelocateBodies, List<List<Integer>>> copies = new HashMap<>();
  private int nextMessage;
  private long nowMillis;
  private long sequence;
  private int relocated;
  private int moot;
  private int freed;

  RelocationPlay(StateScript script, long seed) {
    this.script = script;
    this.random = new Random(seed);
    this.seed = "seed " + seed;
  }

  StateScript script() {
    return script;
  }

  int relocated() {
    return relocated;
  }

  /** Rows that a command named and that had another address by then. */
  int moot() {
    return moot;
  }

  /** Entries of the log that nothing named any more. */
  int freed() {
    return freed;
  }

  long deadLetters() {
    return script
        .view
        .topic("%DLQ%g")
        .map(topic -> script.view.bounds(topic.id(), 0).endOffset())
        .orElse(0L);
  }

  void begin() {
    script.topic("kept", 2);
    script.topic("short", 1, 60_000);
    script.topic("later", 1, TopicType.DELAY);
    script.topic("deals", 1, TopicType.TRANSACTION);
    script.apply(
        new Command.CreateConsumerGroup("g", new GroupSettings(GroupKind.LEASE, false, 3, false)));
    script.apply(new Command.SubscribeGroup("g", "short"));
  }

  void step() {
    nowMillis += random.nextInt(20) == 0 ? random.nextInt(20_000) : random.nextInt(200);
    script.at(nowMillis);
    if (random.nextInt(60) == 0) {
      script.restart();
    }
    switch (random.nextInt(12)) {
      case 0, 1, 2 -> send();
      case 3 -> decide();
      case 4 -> giveUp();
      case 5 -> trim();
      case 6, 7 -> script.apply(new Command.AdvanceTime());
      case 8 -> again();
      default -> relocate();
    }
  }

  private void send() {
    String topic = TOPICS[random.nextInt(TOPICS.length)];
    Placing placing =
        switch (topic) {
          case "later" -> Placing.at(time(nowMillis + random.nextInt(40_000) - 5_000));
          case "deals" -> Placing.onCommit(0);
          default -> Placing.AT_ONCE;
        };
    var runs = new ArrayList<Command.Run>();
    var records = new ArrayList<List<Integer>>();
    int position = 50;
    for (int i = 1 + random.nextInt(2); i > 0; i--) {
      int count = 1 + random.nextInt(3);
      var its = new ArrayList<Integer>();
      for (int j = 0; j < count; j++) {
        its.add(nextMessage++);
      }
      records.add(its);
      int queue = topic.equals("kept") ? random.nextInt(2) : 0;
      runs.add(
          new Command.Run(topic, queue, count, position, count * RECORD_BYTES, List.of(), placing));
      position += count * RECORD_BYTES;
    }
    var reply =
        StateScript.expect(
            Reply.Stored.class,
            script.apply(StateScript.batch("p", ++sequence, runs.toArray(Command.Run[]::new))));
    for (int i = 0; i < runs.size(); i++) {
      put(runs.get(i).position(), records.get(i));
      if (reply.firstOffsets().get(i) == Reply.Stored.HELD) {
        waiting.put(reply.held().get(i).orElseThrow(), records.get(i));
      }
    }
  }

  /** Puts a body into the entry that was applied last. */
  private void put(int position, List<Integer> records) {
    Map<Integer, Integer> entry =
        log.computeIfAbsent(script.state().applied().index(), index -> new HashMap<>());
    for (int i = 0; i < records.size(); i++) {
      entry.put(position + i * RECORD_BYTES, records.get(i));
    }
  }

  private void decide() {
    long deals = id("deals");
    script.view.held(deals, Optional.empty(), 10).stream()
        .skip(random.nextInt(3))
        .findFirst()
        .ifPresent(
            half ->
                script.apply(new Command.EndTransaction("deals", half.id(), random.nextBoolean())));
    script.view.held(id("later"), Optional.empty(), 10).stream()
        .skip(random.nextInt(8))
        .findFirst()
        .ifPresent(delayed -> script.apply(new Command.RecallMessage("later", delayed.id())));
  }

  /** Some messages of the short topic become dead letters, which outlive it. */
  private void giveUp() {
    long topic = id("short");
    long group = script.view.consumerGroup("g").orElseThrow().id();
    long next = script.view.cursor(group, topic, 0).orElseThrow().nextOffset();
    long end = script.view.bounds(topic, 0).endOffset();
    if (next >= end) {
      return;
    }
    long to = Math.min(end, next + 1 + random.nextInt(4));
    var all = OffsetSet.range(next, (int) (to - next));
    var reply =
        script.apply(
            new Command.GrantLeases(
                "g",
                "short",
                0,
                0,
                "c",
                "",
                10_000,
                List.of(
                    new Command.FromCursor(next, to, List.of(new Command.Candidates(0, all))))));
    for (var lease : StateScript.expect(Reply.Leased.class, reply).leases()) {
      var kind =
          random.nextBoolean() ? Command.SettlementKind.DEAD_LETTER : Command.SettlementKind.ACK;
      script.apply(
          new Command.SettleLeases(
              "g",
              "short",
              0,
              0,
              List.of(
                  new Command.Settlement(
                      kind, lease.id(), OffsetSet.of(lease.offsets().first()), 0),
                  new Command.Settlement(
                      Command.SettlementKind.ACK, lease.id(), OffsetSet.EMPTY, 0))));
    }
  }

  private void trim() {
    Topic topic = script.view.topic("kept").orElseThrow();
    int queue = random.nextInt(2);
    var bounds = script.view.bounds(topic.id(), queue);
    long to = bounds.firstOffset() + random.nextInt(6);
    if (random.nextInt(10) == 0) {
      script.apply(
          new Command.AlterTopic(
              "kept",
              OptionalInt.empty(),
              OptionalLong.empty(),
              OptionalLong.of(random.nextInt(2) * 100L)));
    }
    Command.TrimReason reason =
        random.nextBoolean()
            ? new Command.ByDisk(random.nextInt(30_000))
            : new Command.BySize(topic.retentionBytes());
    script.apply(new Command.TrimQueues(List.of(new Command.Trim(topic.id(), queue, to, reason))));
  }

  /** Copies what some of the oldest entries hold. */
  private void relocate() {
    if (log.isEmpty()) {
      return;
    }
    long below = log.firstKey() + random.nextInt(60);
    var runs = new TreeMap<Long, Map<Integer, List<RunKey>>>();
    var held = new TreeMap<Long, Map<Integer, List<HeldKey>>>();
    var sizes = new HashMap<BodyAddress, Integer>();
    eachRun(
        (key, run) -> {
          if (run.logIndex() < below && random.nextInt(4) > 0) {
            runs.computeIfAbsent(run.logIndex(), index -> new TreeMap<>())
                .computeIfAbsent(run.position(), position -> new ArrayList<>())
                .add(key);
            sizes.put(run.address(), run.bytes());
          }
        });
    for (String topic : List.of("later", "deals")) {
      for (var one : script.view.held(id(topic), Optional.empty(), 1_000)) {
        if (one.run().logIndex() < below && random.nextInt(4) > 0) {
          held.computeIfAbsent(one.run().logIndex(), index -> new TreeMap<>())
              .computeIfAbsent(one.run().position(), position -> new ArrayList<>())
              .add(new HeldKey(id(topic), one.id()));
          sizes.put(one.run().address(), one.run().bytes());
        }
      }
    }
    var bodies = new ArrayList<Body>();
    var records = new ArrayList<List<Integer>>();
    int position = 40;
    for (var body : sizes.entrySet()) {
      BodyAddress from = body.getKey();
      List<RunKey> itsRuns =
          runs.getOrDefault(from.logIndex(), Map.of()).getOrDefault(from.position(), List.of());
      List<HeldKey> itsHeld =
          held.getOrDefault(from.logIndex(), Map.of()).getOrDefault(from.position(), List.of());
      if (bodies.size() < 40) {
        bodies.add(new Body(from, position, body.getValue(), itsRuns, itsHeld));
        records.add(records(from, body.getValue(), "a relocation"));
        position += body.getValue();
      }
    }
    var command = new Command.RelocateBodies(bodies);
    earlier.add(command);
    copies.put(command, records);
    if (random.nextInt(4) > 0) {
      apply(command);
    }
  }

  /** One that was applied before, or was on its way for long. */
  private void again() {
    if (!earlier.isEmpty()) {
      apply(earlier.get(Math.max(0, earlier.size() - 1 - random.nextInt(20))));
    }
  }

  private void apply(Command.RelocateBodies command) {
    script.apply(command);
    List<List<Integer>> records = copies.get(command);
    for (int i = 0; i < records.size(); i++) {
      put(command.bodies().get(i).position(), records.get(i));
    }
    long index = script.state().applied().index();
    for (Body body : command.bodies()) {
      for (RunKey key : body.runs()) {
        boolean moved =
            script.view.runs(key.topicId(), key.queue(), key.firstOffset(), 1).stream()
                .anyMatch(
                    run ->
                        run.firstOffset() == key.firstOffset()
                            && run.address().equals(new BodyAddress(index, body.position())));
        relocated += moved ? 1 : 0;
        moot += moved ? 0 : 1;
      }
    }
  }

  /** Every row names records that are there and are those of its offsets. */
  void check() {
    var oldest = new long[] {Long.MAX_VALUE};
    eachRun(
        (key, run) -> {
          oldest[0] = Math.min(oldest[0], run.logIndex());
          List<Integer> records = records(run.address(), run.bytes(), key.toString());
          for (int i = 0; i < run.count(); i++) {
            check(new Place(key.topicId(), key.queue(), run.firstOffset() + i), run, i, records);
          }
        });
    for (String topic : List.of("later", "deals")) {
      for (var one : script.view.held(id(topic), Optional.empty(), 1_000)) {
        oldest[0] = Math.min(oldest[0], one.run().logIndex());
        List<Integer> records =
            records(one.run().address(), one.run().bytes(), one.id().toString());
        if (!records.equals(waiting.get(one.id()))) {
          throw new AssertionError(seed + ": " + one + " names " + records);
        }
      }
    }
    // What no row names is gone at once, as retention may delete it at any time.
    var gone = log.headMap(oldest[0]);
    freed += gone.size();
    gone.clear();
  }

  private void check(Place place, StoredRun run, int i, List<Integer> records) {
    if (run.skip() + i >= records.size()) {
      throw new AssertionError(seed + ": " + run + " goes beyond " + records);
    }
    Integer found = records.get(run.skip() + i);
    Integer before = messages.putIfAbsent(place, found);
    if (before != null && !before.equals(found)) {
      throw new AssertionError(seed + ": " + place + " was " + before + ", is " + found);
    }
    run.source()
        .map(from -> messages.get(new Place(from.topicId(), from.queue(), from.offset() + i)))
        .filter(original -> !original.equals(found))
        .ifPresent(
            original -> {
              throw new AssertionError(seed + ": dead letter " + place + " is not " + original);
            });
  }

  private List<Integer> records(BodyAddress address, int bytes, String who) {
    Map<Integer, Integer> entry = log.getOrDefault(address.logIndex(), Map.of());
    var records = new ArrayList<Integer>();
    for (int at = address.position(); at < address.position() + bytes; at += RECORD_BYTES) {
      Integer record = entry.get(at);
      if (record == null) {
        throw new AssertionError(seed + ": " + who + " names " + address + ", where nothing lies");
      }
      records.add(record);
    }
    return records;
  }

  private interface RunVisitor {
    void visit(RunKey key, StoredRun run);
  }

  private void eachRun(RunVisitor visitor) {
    for (Topic topic : script.view.topics()) {
      for (int queue = 0; queue < topic.queues(); queue++) {
        long first = script.view.bounds(topic.id(), queue).firstOffset();
        for (StoredRun run : script.view.runs(topic.id(), queue, first, Integer.MAX_VALUE)) {
          visitor.visit(new RunKey(topic.id(), queue, run.firstOffset()), run);
        }
      }
    }
  }

  private long id(String topic) {
    return script.view.topic(topic).orElseThrow().id();
  }
}
