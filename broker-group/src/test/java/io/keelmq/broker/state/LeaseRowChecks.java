package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Deadlines.Kind;
import io.keelmq.broker.state.StateView.Cursor;
import io.keelmq.broker.state.StateView.Source;
import io.keelmq.broker.state.testing.MapTables;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What must be true of the rows of leases after every command, whatever the command was. */
final class LeaseRowChecks {

  /** The rows of one queue of a consumer group, of its newest generation. */
  static final class Of {
    Cursor cursor;
    final List<LeaseBatch> batches = new ArrayList<>();
    final TreeMap<Long, Integer> blocked = new TreeMap<>();
    final Map<Long, LeaseRows.MessageGroupRow> messageGroups = new HashMap<>();
    final Map<Long, List<Long>> blockedRows = new HashMap<>();
    final Set<String> index = new HashSet<>();
  }

  private LeaseRowChecks() {}

  /** Checks all rows and gives them back. */
  static Map<Subscription, Of> check(MapTables tables) {
    var all = new HashMap<Subscription, Of>();
    var deadlines = new HashSet<Deadline>();
    var rows = tables.range(Table.LEASES, new byte[0], new byte[] {(byte) 0xff}, 1_000_000);
    for (var row : rows) {
      if (row.key()[LeaseKeys.PREFIX_BYTES] == LeaseKeys.CURSOR) {
        var of = new Of();
        of.cursor = LeaseRows.cursor(row.value());
        all.put(LeaseKeys.subscription(row.key()), of);
      }
    }
    for (var row : rows) {
      read(row, all, deadlines);
    }
    all.forEach(LeaseRowChecks::check);
    all.forEach((at, of) -> outstanding(tables, at, of));
    var due = new HashSet<Deadline>();
    for (Deadline deadline : new Deadlines(tables).due(Long.MAX_VALUE - 2, 1_000_000)) {
      if (deadline.kind() == Kind.LEASE) {
        due.add(deadline);
      }
    }
    assertEquals(deadlines, due, "deadlines of leases");
    return all;
  }

  private static void read(TableReads.Row row, Map<Subscription, Of> all, Set<Deadline> deadlines) {
    Subscription at = LeaseKeys.subscription(row.key());
    var in = new RowReader(row.key()).skip(LeaseKeys.PREFIX_BYTES);
    char letter = (char) in.int8();
    if (letter == LeaseKeys.CURSOR) {
      return;
    }
    int generation = in.int32();
    if (letter == LeaseKeys.BATCH) {
      LeaseBatch batch = LeaseRows.batch(LeaseKeys.batchId(row.key()), row.value());
      if (!batch.isReady()) {
        deadlines.add(Deadline.ofLease(batch.deadlineMillis(), at, generation, batch.id()));
      }
    }
    Of of = all.get(at);
    if (of == null || of.cursor.generation() != generation) {
      // Void, until it is swept.
      return;
    }
    switch (letter) {
      case LeaseKeys.BATCH ->
          of.batches.add(LeaseRows.batch(LeaseKeys.batchId(row.key()), row.value()));
      case LeaseKeys.READY -> of.index.add(in.int64() + " " + LeaseKeys.readyId(row.key()));
      case LeaseKeys.MESSAGE_GROUP ->
          of.messageGroups.put(in.int64(), LeaseRows.messageGroup(row.value()));
      default -> {
        long hash = in.int64();
        long first = in.int64();
        var blocked = LeaseRows.blocked(row.value());
        assertEquals(first, blocked.offsets().first());
        assertTrue(blocked.offsets().size() <= Limits.BLOCKED_PER_ROW);
        of.blockedRows.computeIfAbsent(hash, one -> new ArrayList<>()).add(first);
        blocked
            .offsets()
            .forEach(
                offset ->
                    assertTrue(
                        of.blocked.put(offset, blocked.attempt()) == null,
                        offset + " is blocked twice"));
      }
    }
  }

  private static void outstanding(MapTables tables, Subscription at, Of of) {
    OffsetSet asked = OffsetSet.range(0, (int) of.cursor.nextOffset() + 1);
    OffsetSet expected = OffsetSet.of(of.cursor.nextOffset());
    for (LeaseBatch batch : of.batches) {
      expected = expected.plus(batch.offsets());
    }
    for (long offset : of.blocked.keySet()) {
      expected = expected.plus(OffsetSet.of(offset));
    }
    assertEquals(
        expected,
        new StateView(tables)
            .outstanding(at.groupId(), at.topicId(), at.queue(), of.cursor.generation(), asked));
  }

  private static void check(Subscription at, Of of) {
    long leased = 0;
    long ready = 0;
    var index = new HashSet<String>();
    var holders = new HashMap<Long, LeaseId>();
    for (LeaseBatch batch : of.batches) {
      assertTrue(!batch.offsets().isEmpty(), "an empty batch");
      assertTrue(batch.offsets().last() < of.cursor.nextOffset(), "a batch beyond the cursor");
      if (batch.isReady()) {
        ready += batch.offsets().size();
        index.add(batch.offsets().first() + " " + batch.id());
      } else {
        leased += batch.offsets().size();
      }
      if (batch.hash() != 0) {
        assertTrue(
            holders.put(batch.hash(), batch.id()) == null, "two batches of one message group");
      }
    }
    assertEquals(
        new Cursor(
            of.cursor.generation(),
            of.cursor.nextOffset(),
            of.batches.size(),
            leased,
            ready,
            of.blocked.size()),
        of.cursor,
        "counts of " + at);
    assertEquals(index, of.index, "index of what is ready");
    assertEquals(holders.keySet(), of.messageGroups.keySet(), "message groups that are held");
    of.messageGroups.forEach(
        (hash, row) -> {
          assertEquals(holders.get(hash), row.holder(), "holder of " + hash);
          List<Long> blocked = of.blockedRows.getOrDefault(hash, List.of());
          assertEquals(blocked.isEmpty() ? -1 : blocked.get(0), row.firstBlocked());
          assertEquals(blocked.isEmpty() ? -1 : blocked.get(blocked.size() - 1), row.lastBlocked());
        });
    assertTrue(of.messageGroups.keySet().containsAll(of.blockedRows.keySet()), "blocked for ever");
  }

  /** Each message that was given up stands once in its group's dead letter topic, or was gone. */
  static void deadLetters(
      StateView view, Collection<String> groups, Map<String, Map<Source, Integer>> dead) {
    long expected = 0;
    long found = view.deadLettersDropped();
    for (String group : groups) {
      var gaveUp = dead.getOrDefault(group, Map.of());
      expected += gaveUp.values().stream().mapToInt(times -> times).sum();
      Optional<Topic> topic = view.topic(DeadLetters.TOPIC_PREFIX + group);
      if (topic.isEmpty()) {
        continue;
      }
      var letters = new HashMap<Source, Integer>();
      long next = 0;
      for (var run : view.runs(topic.get().id(), 0, 0, Integer.MAX_VALUE)) {
        assertEquals(next, run.firstOffset(), "dead letters are dense");
        next += run.count();
        Source source = run.source().orElseThrow();
        for (int i = 0; i < run.count(); i++) {
          letters.merge(
              new Source(source.topicId(), source.queue(), source.offset() + i), 1, Integer::sum);
        }
      }
      letters.forEach(
          (source, times) ->
              assertTrue(
                  times <= gaveUp.getOrDefault(source, 0),
                  source + " is dead " + times + " times, of " + gaveUp.get(source)));
      found += next;
    }
    assertEquals(expected, found, "dead letters and those that were gone");
  }

  /** Once nothing is due, only what is alive has rows. */
  static void noOrphans(MapTables tables) {
    var view = new StateView(tables);
    byte[] all = {(byte) 0xff};
    for (var row : tables.range(Table.LEASES, new byte[0], all, 1_000_000)) {
      Subscription at = LeaseKeys.subscription(row.key());
      assertTrue(view.topic(at.topicId()).isPresent(), "a row of a deleted topic");
      assertTrue(ConsumerGroups.find(tables, at.groupId()).isPresent(), "a row of a deleted group");
      var in = new RowReader(row.key()).skip(LeaseKeys.PREFIX_BYTES);
      if (in.int8() != LeaseKeys.CURSOR) {
        assertEquals(
            view.cursor(at.groupId(), at.topicId(), at.queue()).get().generation(),
            in.int32(),
            "a row of an older generation");
      }
    }
    byte[] epochs = Keys.prefix('E');
    for (var row : tables.range(Table.CATALOG, epochs, Keys.after(epochs), 1_000_000)) {
      var in = new RowReader(row.key()).skip(1);
      assertTrue(ConsumerGroups.find(tables, in.int64()).isPresent(), "an orphaned epoch");
      assertTrue(view.topic(in.int64()).isPresent(), "an orphaned epoch");
    }
  }
}
