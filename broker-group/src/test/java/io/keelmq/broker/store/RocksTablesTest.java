package io.keelmq.broker.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads;
import io.keelmq.broker.state.TableReads.Row;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

class RocksTablesTest {

  @TempDir Path folder;

  private Path store() {
    return folder.resolve("store");
  }

  @Test
  void showsABatchToItsOwnReadsAndToOthersOnlyWhenCommitted() {
    try (var tables = RocksTables.open(store())) {
      tables.put(Table.META, key(1), value("a"));
      tables.put(Table.RUNS, key(1), value("b"));

      assertTrue(tables.get(Table.META, key(1)).isPresent());
      assertTrue(tables.committed().get(Table.META, key(1)).isEmpty());
      tables.commit();

      assertArrayEquals(value("a"), tables.committed().get(Table.META, key(1)).orElseThrow());
      assertArrayEquals(value("b"), tables.committed().get(Table.RUNS, key(1)).orElseThrow());
      assertEquals(0, tables.batchBytes());
    }
  }

  @Test
  void losesWhatWasNotFlushedAndNothingElse() {
    try (var tables = RocksTables.open(store())) {
      tables.put(Table.META, key(1), value("flushed"));
      tables.put(Table.RUNS, key(1), value("flushed"));
      tables.commit();
      tables.flushAndWait();
      tables.put(Table.META, key(1), value("not"));
      tables.put(Table.RUNS, key(2), value("not"));
      tables.commit();
      // Closing must not make it durable either: the log may be behind.
    }

    try (var tables = RocksTables.open(store())) {
      assertArrayEquals(value("flushed"), tables.get(Table.META, key(1)).orElseThrow());
      assertArrayEquals(value("flushed"), tables.get(Table.RUNS, key(1)).orElseThrow());
      assertTrue(tables.get(Table.RUNS, key(2)).isEmpty());
    }
  }

  @Test
  void pinnedRowsStayAsTheyWere() {
    try (var tables = RocksTables.open(store())) {
      for (int i = 0; i < 10; i++) {
        tables.put(Table.RUNS, key(i), value("old"));
      }
      tables.commit();
      try (PinnedRows pinned = tables.pin()) {
        tables.put(Table.RUNS, key(3), value("new"));
        tables.delete(Table.RUNS, key(4));
        tables.commit();
        tables.flushAndWait();

        var shown = new ArrayList<String>();
        RowVisitor untilFour =
            (key, row) -> {
              shown.add(ByteBuffer.wrap(key).getInt() + new String(row, StandardCharsets.UTF_8));
              return shown.size() % 4 != 0;
            };
        byte[] next = pinned.read(Table.RUNS, new byte[0], untilFour).orElseThrow();
        assertArrayEquals(key(3), next, "it was shown, and is where to go on");
        pinned.read(Table.RUNS, key(4), untilFour);
        assertEquals(
            List.of("0old", "1old", "2old", "3old", "4old", "5old", "6old", "7old"), shown);
        assertEquals(Optional.empty(), pinned.read(Table.RUNS, key(8), untilFour));
        assertEquals(Optional.empty(), pinned.read(Table.HELD, new byte[0], untilFour));
      }
    }
  }

  @Test
  void pinnedRowsEndWithTheirDatabase() {
    PinnedRows pinned;
    try (var tables = RocksTables.open(store())) {
      tables.put(Table.RUNS, key(1), value("old"));
      tables.commit();
      tables.checkpoint(folder.resolve("checkpoint"));
      pinned = tables.pin();
      PinnedRows more = tables.pin();
      tables.restore(folder.resolve("checkpoint"));

      assertThrows(StoreException.class, () -> pinned.read(Table.RUNS, key(1), (key, row) -> true));
      pinned.close();
      try (PinnedRows again = tables.pin()) {
        assertEquals(Optional.empty(), again.read(Table.RUNS, key(1), (key, row) -> true));
      }
      more.close();
    }
    assertThrows(StoreException.class, () -> pinned.read(Table.RUNS, key(1), (key, row) -> true));
    pinned.close();
  }

  @Test
  void flushesWhatIsCommittedWhileABatchIsOpen() {
    try (var tables = RocksTables.open(store())) {
      tables.put(Table.META, key(1), value("committed"));
      tables.commit();
      tables.put(Table.META, key(2), value("open"));

      tables.flushAndWait();

      assertArrayEquals(value("open"), tables.get(Table.META, key(2)).orElseThrow());
    }
    try (var tables = RocksTables.open(store())) {
      assertArrayEquals(value("committed"), tables.get(Table.META, key(1)).orElseThrow());
      assertTrue(tables.get(Table.META, key(2)).isEmpty());
    }
  }

  @Test
  void flushesWhatIsCommittedAtThatMomentThoughMoreFollows() {
    try (var tables = RocksTables.open(store())) {
      tables.put(Table.META, key(1), value("first"));
      tables.commit();
      tables.flush();
      tables.put(Table.META, key(1), value("second"));
      tables.commit();
      tables.put(Table.META, key(1), value("third"));
      tables.flushAndWait();
      tables.commit();
    }

    try (var tables = RocksTables.open(store())) {
      assertArrayEquals(value("second"), tables.get(Table.META, key(1)).orElseThrow());
    }
  }

  @Test
  void asksForAFlushAndRefusesToOutgrowItsMemory() {
    try (var tables = RocksTables.open(store())) {
      byte[] large = new byte[1 << 20];
      boolean asked = false;
      long files = tables.stats().fileBytes();
      for (int i = 0; i < RocksOptions.FLUSH_LIMIT_BYTES / large.length - 1; i++) {
        tables.put(Table.DEDUP, key(i), large);
        tables.commit();
        asked |= tables.flushDue();
      }
      // RocksDB has not decided for itself.
      assertEquals(files, tables.stats().fileBytes());
      assertTrue(asked);
      tables.put(Table.DEDUP, key(0), large);

      var refused = assertThrows(StoreException.class, tables::commit);

      assertTrue(refused.getMessage().contains("unflushed"), refused.getMessage());
    }
  }

  @Test
  void answersLikeASortedMap() {
    long seed = Long.getLong("seed", 20_261_122);
    System.out.println("RocksTablesTest seed=" + seed);
    var random = new Random(seed);
    NavigableMap<byte[], byte[]> model = new TreeMap<>(Arrays::compareUnsigned);
    NavigableMap<byte[], byte[]> committed = new TreeMap<>(Arrays::compareUnsigned);
    try (var tables = RocksTables.open(store())) {
      for (int i = 0; i < 10_000; i++) {
        byte[] key = randomKey(random);
        switch (random.nextInt(12)) {
          case 0, 1, 2, 3 -> {
            byte[] value = value("v" + i);
            tables.put(Table.RUNS, key, value);
            model.put(key, value);
          }
          case 4, 5 -> {
            tables.delete(Table.RUNS, key);
            model.remove(key);
          }
          case 6 -> {
            if (random.nextInt(10) == 0) {
              tables.commit();
              committed.clear();
              committed.putAll(model);
              if (random.nextInt(5) == 0) {
                tables.flush();
              }
            }
          }
          default -> {
            assertSame(model, tables, key, random);
            assertSame(committed, tables.committed(), key, random);
          }
        }
      }
    }
  }

  private static void assertSame(
      NavigableMap<byte[], byte[]> model, TableReads tables, byte[] key, Random random) {
    assertEquals(text(Optional.ofNullable(model.get(key))), text(tables.get(Table.RUNS, key)));
    assertEquals(
        Optional.ofNullable(model.floorEntry(key)).map(RocksTablesTest::text),
        tables.floor(Table.RUNS, key).map(RocksTablesTest::text));
    byte[] to = randomKey(random);
    int limit = 1 + random.nextInt(8);
    List<String> expected = new ArrayList<>();
    if (Arrays.compareUnsigned(key, to) < 0) {
      model.subMap(key, true, to, false).entrySet().stream()
          .limit(limit)
          .forEach(entry -> expected.add(text(entry)));
    }
    assertEquals(
        expected,
        tables.range(Table.RUNS, key, to, limit).stream().map(RocksTablesTest::text).toList());
  }

  /** Few enough to collide, with lengths and signs that trap a wrong order. */
  private static byte[] randomKey(Random random) {
    byte[] key = new byte[random.nextInt(3)];
    for (int i = 0; i < key.length; i++) {
      key[i] = (byte) (random.nextBoolean() ? random.nextInt(6) : 250 + random.nextInt(6));
    }
    return key;
  }

  @Test
  void keepsItsTablesApart() {
    try (var tables = RocksTables.open(store())) {
      tables.put(Table.RUNS, key(5), value("x"));
      tables.commit();

      assertTrue(tables.floor(Table.DEDUP, key(9)).isEmpty());
      assertTrue(tables.range(Table.CATALOG, key(0), key(9), 10).isEmpty());
      assertThrows(
          IllegalArgumentException.class, () -> tables.range(Table.META, key(0), key(9), 0));
    }
  }

  @Test
  void refusesReadsWhenClosed() {
    var tables = RocksTables.open(store());
    var committed = tables.committed();

    tables.close();
    tables.close();

    var refused = assertThrows(StoreException.class, () -> committed.get(Table.META, key(1)));
    assertTrue(refused.getMessage().contains("closed"), refused.getMessage());
  }

  @Test
  void refusesADamagedFile() throws IOException {
    fill();
    Path file = largest(".sst");
    byte[] bytes = Files.readAllBytes(file);
    for (int i = 0; i < 200; i++) {
      bytes[bytes.length / 2 + i] ^= 0x55;
    }
    Files.write(file, bytes);

    var refused =
        assertThrows(
            StoreException.class,
            () -> {
              try (var tables = RocksTables.open(store())) {
                tables.range(Table.RUNS, key(0), key(Integer.MAX_VALUE), Integer.MAX_VALUE);
              }
            });
    assertTrue(refused.getMessage().contains("checksum mismatch"), refused.getMessage());
  }

  @Test
  void refusesAMissingFileInsteadOfBeginningAnew() throws IOException {
    fill();
    Files.delete(largest(".sst"));
    assertThrows(StoreException.class, () -> RocksTables.open(store()));

    Files.delete(store().resolve("CURRENT"));
    assertThrows(StoreException.class, () -> RocksTables.open(store()));
  }

  @Test
  void refusesANewerFormatAndTablesItDoesNotKnow() throws Exception {
    fill();
    try (var tables = RocksTables.open(store())) {
      assertFalse(tables.dirty());
    }
    addFamilyToStore("later");

    var refused = assertThrows(StoreException.class, () -> RocksTables.open(store()));

    assertTrue(refused.getMessage().contains("\"later\""), refused.getMessage());

    RocksTables.discard(store());
    makePlainDatabase(ByteBuffer.allocate(4).putInt(3).array());
    refused = assertThrows(StoreException.class, () -> RocksTables.open(store()));
    assertTrue(refused.getMessage().contains("format 3"), refused.getMessage());
  }

  @Test
  void hasAFormatThatVersionsBeforeLevelsRefuseAsSoonAsTheRowsThatCameWithIt() throws Exception {
    try (var tables = RocksTables.open(store())) {
      raise(tables);
    }
    assertEquals(1, format(), "neither was flushed");
    try (var tables = RocksTables.open(store())) {
      assertTrue(tables.get(Table.META, key(1)).isEmpty());
      raise(tables);
      tables.flushAndWait();
    }
    assertEquals(2, format());
    try (var tables = RocksTables.open(store())) {
      assertTrue(tables.get(Table.META, key(1)).isPresent());
    }
  }

  private static void raise(RocksTables tables) {
    tables.put(Table.META, key(1), value("level 2"));
    tables.refuseVersionsBeforeLevels();
    tables.commit();
  }

  private int format() throws Exception {
    try (var db = RocksDB.openReadOnly(store().toString())) {
      return ByteBuffer.wrap(db.get(value("format"))).getInt();
    }
  }

  @Test
  void refusesASecondUser() {
    try (var tables = RocksTables.open(store())) {
      tables.commit();
      assertThrows(StoreException.class, () -> RocksTables.open(store()));
    }
  }

  @Test
  void beginsAnewAfterADiscardAndAfterACrashWhileBeingMade() throws IOException {
    fill();
    RocksTables.discard(store());
    assertFalse(Files.exists(store()));
    Files.createDirectories(folder.resolve("store.new"));
    Files.writeString(folder.resolve("store.new").resolve("CURRENT"), "half");

    try (var tables = RocksTables.open(store())) {
      assertTrue(tables.range(Table.RUNS, key(0), key(9), 10).isEmpty());
    }
  }

  private void fill() {
    try (var tables = RocksTables.open(store())) {
      var random = new Random(1);
      for (int i = 0; i < 2_000; i++) {
        byte[] value = new byte[100];
        random.nextBytes(value);
        tables.put(Table.RUNS, key(i), value);
      }
      tables.commit();
      tables.flushAndWait();
    }
  }

  private Path largest(String suffix) throws IOException {
    try (Stream<Path> files = Files.list(store())) {
      return files
          .filter(file -> file.toString().endsWith(suffix))
          .max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
          .orElseThrow();
    }
  }

  private void addFamilyToStore(String name) throws Exception {
    var descriptors = new ArrayList<ColumnFamilyDescriptor>();
    try (var options = new Options()) {
      for (byte[] family : RocksDB.listColumnFamilies(options, store().toString())) {
        descriptors.add(new ColumnFamilyDescriptor(family));
      }
    }
    try (var db = RocksDB.open(store().toString(), descriptors, new ArrayList<>())) {
      db.createColumnFamily(new ColumnFamilyDescriptor(value(name))).close();
    }
  }

  private void makePlainDatabase(byte[] format) throws Exception {
    try (var options = new Options().setCreateIfMissing(true);
        var db = RocksDB.open(options, store().toString())) {
      db.put(value("format"), format);
    }
  }

  private static byte[] key(int number) {
    return ByteBuffer.allocate(4).putInt(number).array();
  }

  private static byte[] value(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(Optional<byte[]> value) {
    return value.map(bytes -> new String(bytes, StandardCharsets.UTF_8)).orElse("-");
  }

  private static String text(Row row) {
    return Arrays.toString(row.key()) + "=" + new String(row.value(), StandardCharsets.UTF_8);
  }

  private static String text(Map.Entry<byte[], byte[]> row) {
    return Arrays.toString(row.getKey()) + "=" + new String(row.getValue(), StandardCharsets.UTF_8);
  }
}
