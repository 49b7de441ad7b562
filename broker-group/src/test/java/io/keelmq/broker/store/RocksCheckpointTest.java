package io.keelmq.broker.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Table;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Copies of all tables, and stores that are made of them. */
class RocksCheckpointTest {

  @TempDir Path folder;

  private static byte[] key(int number) {
    return ByteBuffer.allocate(4).putInt(number).array();
  }

  private static byte[] value(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private RocksTables store(String name) {
    return RocksTables.open(folder.resolve(name));
  }

  private static void fill(RocksTables store, String text, int rows) {
    for (Table table : Table.values()) {
      for (int i = 0; i < rows; i++) {
        store.put(table, key(i), value(text));
      }
    }
    store.commit();
  }

  private static void assertHolds(RocksTables store, String text, int rows) {
    for (Table table : Table.values()) {
      var found = store.range(table, key(0), key(Integer.MAX_VALUE), 10_000);
      assertEquals(rows, found.size());
      found.forEach(row -> assertArrayEquals(value(text), row.value()));
    }
  }

  @Test
  void carriesEveryTableWithoutAFlushOfItsOwn() {
    Path checkpoint = folder.resolve("checkpoint");
    try (var store = store("one");
        var other = store("other")) {
      fill(store, "first", 100);
      store.checkpoint(checkpoint);
      fill(store, "later", 150);
      fill(other, "others", 7);

      other.restore(checkpoint);

      assertHolds(other, "first", 100);
      assertHolds(store, "later", 150);
      assertFalse(other.dirty());
      // It is a store like any other, and the checkpoint is as it was.
      fill(other, "after", 120);
      other.flushAndWait();
      assertHolds(other, "after", 120);
      other.restore(checkpoint);
      assertHolds(other, "first", 100);
    }
    try (var reopened = store("other")) {
      assertHolds(reopened, "first", 100);
    }
  }

  @Test
  void makesCommittedRowsDurable() {
    try (var store = store("one")) {
      fill(store, "committed", 10);
      store.checkpoint(folder.resolve("checkpoint"));
      assertFalse(store.dirty());
    }
    try (var reopened = store("one")) {
      assertHolds(reopened, "committed", 10);
    }
  }

  @Test
  void dropsABatchThatBelongedToTheOldRows() {
    try (var store = store("one")) {
      fill(store, "first", 10);
      store.checkpoint(folder.resolve("checkpoint"));
      store.put(Table.META, key(99), value("old"));

      store.restore(folder.resolve("checkpoint"));

      assertTrue(store.get(Table.META, key(99)).isEmpty());
      assertEquals(0, store.batchBytes());
    }
  }

  @Test
  void staysAsItIsWhenTheCheckpointIsNone() throws IOException {
    Path checkpoint = folder.resolve("checkpoint");
    try (var store = store("one")) {
      fill(store, "first", 10);
      assertThrows(StoreException.class, () -> store.restore(folder.resolve("nowhere")));
      store.checkpoint(checkpoint);
      fill(store, "second", 10);
      Files.delete(file(checkpoint, "MANIFEST"));
      assertThrows(StoreException.class, () -> store.restore(checkpoint));

      assertHolds(store, "second", 10);
      fill(store, "third", 10);
      assertHolds(store, "third", 10);
    }
  }

  private static Path file(Path checkpoint, String beginning) throws IOException {
    try (Stream<Path> files = Files.list(checkpoint)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(beginning))
          .findFirst()
          .orElseThrow();
    }
  }

  @Test
  void isEmptyOrWholeAfterACrashInTheMiddle() throws IOException {
    try (var store = store("one")) {
      fill(store, "first", 10);
      store.checkpoint(folder.resolve("checkpoint"));
    }
    // Between the two renames: the old store is aside, the new one is not there yet.
    Files.move(folder.resolve("one"), folder.resolve("one.discarded"));
    Files.createDirectories(folder.resolve("one.restored"));
    Files.writeString(folder.resolve("one.restored/CURRENT"), "half a store");

    try (var store = store("one")) {
      assertHolds(store, "first", 0);
      store.restore(folder.resolve("checkpoint"));
      assertHolds(store, "first", 10);
    }
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(
          List.of("checkpoint", "one"),
          left.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  /** Readers on many threads never meet a closed database, and never a mix of old and new rows. */
  @Test
  void replacesRowsUnderReaders() throws Exception {
    Path checkpoint = folder.resolve("checkpoint");
    try (var store = store("one")) {
      fill(store, "a", 500);
      store.checkpoint(checkpoint);
      var stop = new AtomicBoolean();
      var reads = new AtomicLong();
      var readers = new ArrayList<CompletableFuture<Void>>();
      for (int i = 0; i < 4; i++) {
        readers.add(
            CompletableFuture.runAsync(
                () -> {
                  while (!stop.get()) {
                    var rows =
                        store.committed().range(Table.RUNS, key(0), key(Integer.MAX_VALUE), 1_000);
                    long kinds =
                        rows.stream()
                            .map(row -> new String(row.value(), StandardCharsets.UTF_8))
                            .distinct()
                            .count();
                    if (rows.size() < 500 || kinds != 1) {
                      throw new IllegalStateException(rows.size() + " rows of " + kinds);
                    }
                    store.stats();
                    reads.incrementAndGet();
                  }
                }));
      }

      for (int round = 0; round < 10; round++) {
        long before = reads.get();
        store.restore(checkpoint);
        fill(store, "b" + round, 500);
        while (reads.get() == before && readers.stream().noneMatch(CompletableFuture::isDone)) {
          Thread.onSpinWait();
        }
      }
      stop.set(true);

      for (var reader : readers) {
        reader.get(60, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void failsReadsAfterItsEndAndDoesNotTakeTheProcessDown() {
    var store = store("one");
    fill(store, "a", 1);
    var rows = store.committed();
    store.close();

    assertThrows(StoreException.class, () -> rows.get(Table.META, key(0)));
    assertThrows(StoreException.class, () -> store.restore(folder.resolve("nowhere")));
    store.close();
  }
}
