package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Applied;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LogEntryInfo;
import io.keelmq.broker.state.StateView.DigestAt;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads.Row;
import io.keelmq.broker.state.TopicType;
import io.keelmq.broker.store.RocksTables;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowSumsTest {

  private static final long MINUTE = RowSums.PERIOD_MILLIS;

  @TempDir Path folder;

  private static Applied at(long millis) {
    return new Applied(millis, 1, millis, 0);
  }

  private static BrokerState withTopics(RocksTables store, int count) {
    var state = new BrokerState(store);
    for (int i = 1; i <= count; i++) {
      var entry = new LogEntryInfo(i, 1, i);
      state.apply(
          entry, Optional.empty(), new Command.CreateTopic("t" + i, TopicType.NORMAL, 3, 0));
      state.finish(entry);
    }
    store.commit();
    return state;
  }

  private static List<DigestAt> sumOf(RowSums sums, Applied applied) {
    long before = sums.taken();
    sums.begin(applied);
    await().atMost(60, SECONDS).until(() -> sums.taken() == before + 1);
    return sums.sums();
  }

  @Test
  void theSameRowsHaveTheSameSumHoweverTheyLieInTheirFiles() {
    try (var one = RocksTables.open(folder.resolve("one"));
        var other = RocksTables.open(folder.resolve("other"))) {
      BrokerState state = withTopics(one, 3_000);
      withTopics(other, 1_000);
      other.flushAndWait();
      var rest = new BrokerState(other);
      for (int i = 1_001; i <= 3_000; i++) {
        var entry = new LogEntryInfo(i, 1, i);
        rest.apply(
            entry, Optional.empty(), new Command.CreateTopic("t" + i, TopicType.NORMAL, 3, 0));
        rest.finish(entry);
      }
      other.commit();

      var first = sumOf(new RowSums(one, "one", System::nanoTime), state.applied());

      assertEquals(first, sumOf(new RowSums(other, "other", System::nanoTime), state.applied()));
      assertEquals(3_000, first.get(0).index());
    }
  }

  @Test
  void showsARowThatTheStoreHasWrongAndNoEntryHasRead() {
    try (var store = RocksTables.open(folder.resolve("store"))) {
      Applied applied = withTopics(store, 5_000).applied();
      var sums = new RowSums(store, "n", System::nanoTime);
      long sound = sumOf(sums, applied).get(0).digest();
      for (Table table : Table.values()) {
        List<Row> rows = store.range(table, new byte[] {0}, new byte[] {(byte) 0xff}, 20_000);
        if (rows.isEmpty()) {
          continue;
        }
        Row last = rows.get(rows.size() - 1);
        byte[] flipped = last.value().clone();
        flipped[flipped.length - 1] ^= 1;
        store.put(table, last.key(), flipped);
        store.commit();

        var found = sumOf(sums, applied);

        assertNotEquals(sound, found.get(found.size() - 1).digest(), table.name());
        store.put(table, last.key(), last.value());
        store.commit();
        found = sumOf(sums, applied);
        assertEquals(sound, found.get(found.size() - 1).digest(), table.name());
      }
      assertEquals(5, sums.taken(), "of META and CATALOG");
    }
  }

  @Test
  void howManyDigestsAreKeptIsNoPartOfIt() {
    try (var store = RocksTables.open(folder.resolve("store"))) {
      Applied applied = withTopics(store, 2_100).applied();
      var sums = new RowSums(store, "n", System::nanoTime);
      long sound = sumOf(sums, applied).get(0).digest();
      List<Row> kept = store.range(Table.META, new byte[] {'D'}, new byte[] {'E'}, 10);
      assertEquals(2, kept.size());
      kept.forEach(row -> store.delete(Table.META, row.key()));
      store.commit();

      assertEquals(sound, sumOf(sums, applied).get(1).digest());
    }
  }

  @Test
  void rowsThatComeLaterAreNoPartOfIt() {
    try (var store = RocksTables.open(folder.resolve("store"))) {
      Applied applied = withTopics(store, 100).applied();
      var sums = new RowSums(store, "n", System::nanoTime);
      long sound = sumOf(sums, applied).get(0).digest();

      sums.begin(applied);
      store.put(Table.CATALOG, new byte[] {'Z'}, new byte[] {1});
      store.commit();

      await().atMost(60, SECONDS).until(() -> sums.taken() == 2);
      assertEquals(sound, sums.sums().get(1).digest());
    }
  }

  @Test
  void rowsThatAreReplacedHaveNoSumAnyMore() {
    try (var store = RocksTables.open(folder.resolve("store"))) {
      Applied applied = withTopics(store, 20_000).applied();
      store.checkpoint(folder.resolve("checkpoint"));
      var sums = new RowSums(store, "n", System::nanoTime);
      sumOf(sums, applied);

      sums.begin(applied);
      sums.clear();
      store.restore(folder.resolve("checkpoint"));

      await().atMost(60, SECONDS).until(() -> sums.isDue(at(MINUTE - 1), at(64 * MINUTE)));
      assertEquals(List.of(), sums.sums());
      assertEquals(1, sumOf(sums, applied).size());
    }
  }

  @Test
  void aReadingOfRowsThatWereReplacedSinceCountsForNothing() {
    try (var store = RocksTables.open(folder.resolve("store"))) {
      Applied applied = withTopics(store, 20_000).applied();
      var sums = new RowSums(store, "n", System::nanoTime);

      sums.begin(applied);
      sums.clear();

      await().atMost(60, SECONDS).until(() -> sums.isDue(at(MINUTE - 1), at(64 * MINUTE)));
      assertEquals(1, sums.taken(), "it came to its end");
      assertEquals(List.of(), sums.sums());
    }
  }

  @Test
  void keepsTheLastFew() {
    try (var store = RocksTables.open(folder.resolve("store"))) {
      withTopics(store, 1);
      var sums = new RowSums(store, "n", System::nanoTime);
      for (int i = 1; i <= RowSums.KEPT + 3; i++) {
        sumOf(sums, at(i));
      }

      assertEquals(RowSums.KEPT, sums.sums().size());
      assertEquals(4, sums.sums().get(0).index());
    }
  }

  @Test
  void whoNeedsLongTakesEachSecondMinuteOrFourthOrEighth() {
    try (var store = RocksTables.open(folder.resolve("store"))) {
      withTopics(store, 1);
      var now = new AtomicLong();
      // Each table of it lasts two seconds.
      var sums = new RowSums(store, "n", () -> now.getAndAdd(SECONDS.toNanos(1)));
      assertTrue(sums.isDue(at(MINUTE - 1), at(MINUTE)));
      assertFalse(sums.isDue(at(MINUTE), at(2 * MINUTE - 1)));

      sumOf(sums, at(MINUTE));
      await().atMost(60, SECONDS).until(() -> sums.lastMillis() > 0);

      assertFalse(sums.isDue(at(4 * MINUTE - 1), at(4 * MINUTE)), "it has to rest");
      now.addAndGet(SECONDS.toNanos(3_600));
      assertTrue(sums.lastMillis() > 7_500 && sums.lastMillis() <= 15_000, "" + sums.lastMillis());
      assertFalse(sums.isDue(at(MINUTE - 1), at(MINUTE)));
      assertFalse(sums.isDue(at(2 * MINUTE - 1), at(2 * MINUTE)));
      await().atMost(60, SECONDS).until(() -> sums.isDue(at(4 * MINUTE - 1), at(4 * MINUTE)));
      assertTrue(sums.isDue(at(3 * MINUTE), at(64 * MINUTE)), "a minute without entries");
    }
  }
}
