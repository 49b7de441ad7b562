package io.keelmq.chaos.kills;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.RocksTables;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * Rows that are committed, flushed, copied to a checkpoint and replaced by it. Commit n writes n
 * into the rows {@code n} and {@code last} of three tables. As a program it notes each step that
 * has returned, and may die in any. Argument: a folder.
 */
final class StoreScript {

  /** Of commits, at the checkpoint. */
  static final int CHECKPOINT = 4;

  /** Durable when the rows are about to be replaced. */
  static final int FLUSHED = 6;

  static final int MOST = 7;

  private static final Table[] TABLES = {Table.META, Table.RUNS, Table.HELD};
  private static final byte[] LAST = {'l'};

  private StoreScript() {}

  static Path store(Path folder) {
    return folder.resolve("store");
  }

  static Path checkpoint(Path folder) {
    return folder.resolve("checkpoint");
  }

  private static Path notes(Path folder) {
    return folder.resolve("steps");
  }

  /** The steps that had returned, a letter each. */
  static String stepsDone(Path folder) throws IOException {
    return Files.exists(notes(folder)) ? Files.readString(notes(folder)) : "";
  }

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    try (RocksTables tables = RocksTables.open(store(folder))) {
      note(folder, "o");
      for (int number = 1; number <= MOST; number++) {
        commit(tables, number);
        note(folder, "c");
        if (number == 2) {
          tables.flush();
        }
        if (number == 3 || number == FLUSHED) {
          tables.flushAndWait();
          note(folder, "f");
        }
        if (number == CHECKPOINT) {
          tables.checkpoint(checkpoint(folder));
          note(folder, "k");
        }
      }
      tables.restore(checkpoint(folder));
      note(folder, "r");
    }
  }

  private static void note(Path folder, String step) throws IOException {
    Files.writeString(notes(folder), step, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static void commit(RocksTables tables, int number) {
    byte[] row = row(number);
    for (Table table : TABLES) {
      tables.put(table, row, row);
      tables.put(table, LAST, row);
    }
    tables.commit();
  }

  private static byte[] row(int number) {
    return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
  }

  /**
   * The last commit that the rows hold.
   *
   * @return empty if they are no state that there ever was
   */
  static Optional<Integer> found(RocksTables tables) {
    int last = number(tables, TABLES[0], LAST);
    for (Table table : TABLES) {
      if (number(tables, table, LAST) != last) {
        return Optional.empty();
      }
      for (int each = 1; each <= MOST; each++) {
        if (number(tables, table, row(each)) != (each <= last ? each : 0)) {
          return Optional.empty();
        }
      }
    }
    return Optional.of(last);
  }

  private static int number(RocksTables tables, Table table, byte[] key) {
    return tables.get(table, key).map(value -> ByteBuffer.wrap(value).getInt()).orElse(0);
  }
}
