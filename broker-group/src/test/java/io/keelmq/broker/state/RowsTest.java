package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Deadlines.Kind;
import io.keelmq.broker.state.StateView.Source;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.testing.MapTables;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Bytes that stand in stores: what an older version wrote is read, and written again, as it was.
 */
class RowsTest {

  private static byte[] hex(String bytes) {
    return HexFormat.of().parseHex(bytes.replace(" ", ""));
  }

  @Test
  void readsAndWritesGroupsOfBeforeThereWereSettings() {
    byte[] offset = hex("0000000000000007 01");
    var row = Rows.group(offset);

    assertEquals(7, row.id());
    assertEquals(GroupSettings.of(GroupKind.OFFSET), row.settings());
    assertArrayEquals(offset, Rows.group(row));
    assertEquals(
        GroupSettings.of(GroupKind.LEASE), Rows.group(hex("0000000000000007 02")).settings());
  }

  @Test
  void writesSettingsOfLeaseGroups() {
    byte[] bytes = hex("0000000000000007 02 01 00000003 01");
    var row = new Rows.GroupRow(7, new GroupSettings(GroupKind.LEASE, true, 3, true));

    assertArrayEquals(bytes, Rows.group(row));
    assertEquals(row, Rows.group(bytes));
  }

  @Test
  void readsAndWritesRunsOfBeforeThereWereDeadLetters() {
    byte[] bytes = hex("0000000000000009 00000000000f4240 00000064 00000032 00000005");
    var run = new StoredRun(3, 5, 9, 100, 50, 1_000_000);

    assertEquals(run, Rows.run(3, bytes));
    assertArrayEquals(bytes, Rows.run(run));
  }

  @Test
  void writesDeadLettersBehindTheFieldsOfRuns() {
    byte[] bytes =
        hex(
            "0000000000000009 00000000000f4240 00000064 00000032 00000001"
                + "00000002 0000000000000004 00000001 000000000000000b");
    var letter = new StoredRun(3, 1, 9, 100, 50, 1_000_000, 2, Optional.of(new Source(4, 1, 11)));

    assertArrayEquals(bytes, Rows.run(letter));
    assertEquals(letter, Rows.run(3, bytes));
    var part = new StoredRun(3, 1, 9, 100, 50, 1_000_000, 2, Optional.empty());
    assertEquals(part, Rows.run(3, Rows.run(part)));
  }

  @Test
  void readsAndWritesDeadlinesOfBeforeThereWereLeases() {
    var tables = new MapTables();
    byte[] narrow = hex("00000000000f4240 01 0000000000000004 00000002");
    tables.put(Table.DEADLINES, narrow, new byte[0]);
    byte[] wide =
        hex(
            "00000000000f4241 05 0000000000000004 00000002"
                + "0000000000000006 00000001 0000000000000009 00000003");
    tables.put(Table.DEADLINES, wide, new byte[0]);

    var old = new Deadline(1_000_000, Kind.QUEUE_RETENTION, 4, 2);
    var lease = Deadline.ofLease(1_000_001, new Subscription(4, 6, 2), 1, new LeaseId(9, 3));
    assertEquals(List.of(old, lease), new Deadlines(tables).due(2_000_000, 9));

    var written = new MapTables();
    var deadlines = new Deadlines(written);
    deadlines.add(old);
    deadlines.add(lease);
    assertEquals(tables.dump(), written.dump());
  }

  @Test
  void rowsOfLeasesStayAsTheyAre() {
    var at = new Subscription(4, 6, 2);
    String prefix = "0000000000000004 0000000000000006 00000002";
    assertArrayEquals(hex(prefix + "43"), LeaseKeys.cursor(at));
    assertArrayEquals(
        hex(prefix + "4c 00000001 0000000000000009 00000003"),
        LeaseKeys.batch(at, 1, new LeaseId(9, 3)));
    assertArrayEquals(
        hex(prefix + "52 00000001 0000000000000005 0000000000000009 00000003"),
        LeaseKeys.ready(at, 1, 5, new LeaseId(9, 3)));
    assertArrayEquals(
        hex(prefix + "46 00000001 ffffffffffffffff"), LeaseKeys.messageGroup(at, 1, -1));
    assertArrayEquals(
        hex(prefix + "4b 00000001 ffffffffffffffff 0000000000000005"),
        LeaseKeys.blocked(at, 1, -1, 5));

    var batch =
        new LeaseBatch(
            new LeaseId(9, 3),
            LeaseBatch.State.LEASED,
            OffsetSet.of(300, 301, 305),
            2,
            -1,
            "c",
            "",
            1_000_000);
    byte[] row = hex("01 00000002 ffffffffffffffff 00000000000f4240 000163 0000 02 ac02 02 03 01");
    assertArrayEquals(row, LeaseRows.batch(batch));
    assertEquals(batch, LeaseRows.batch(batch.id(), row));
    var cursor = new StateView.Cursor(1, 306, 1, 3, 0, 0);
    assertEquals(cursor, LeaseRows.cursor(LeaseRows.cursor(cursor)));
  }

  @Test
  void oldestRowsAreThoseOfASearchFromTheBeginning() {
    var tables = new MapTables();
    var oldest = new OldestRows(tables, Table.DEDUP, Keys.prefix('n'));
    var random = new java.util.Random(4);
    for (int i = 0; i < 5_000; i++) {
      byte[] key = Keys.messageIdByAge(random.nextInt(50) + i / 50, 1, random.nextInt(5));
      if (random.nextBoolean()) {
        tables.put(Table.DEDUP, key, new byte[0]);
        oldest.added(key);
      } else {
        oldest.first(1).forEach(row -> tables.delete(Table.DEDUP, row.key()));
      }
      byte[] to = Keys.messageIdByAge(random.nextInt(60) + i / 50, 0, 0);
      assertEquals(
          tables.range(Table.DEDUP, Keys.prefix('n'), to, 2).stream()
              .map(row -> HexFormat.of().formatHex(row.key()))
              .toList(),
          oldest.below(to, 2).stream().map(row -> HexFormat.of().formatHex(row.key())).toList());
    }
  }
}
