package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.testing.PassingTables;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Goal: nothing is lost, delivered to two at once, counted wrongly or out of order, whatever comes
 * in whatever order. Method: {@link LeasePlay}, and faults planted into the rows to see that it
 * finds them.
 */
class LeaseModelTest {

  private static final int STEPS = 2_500;

  private final long seed = Long.getLong("seed", System.nanoTime());

  /** {@code -Druns=} for a long night. */
  static IntStream runs() {
    return IntStream.range(0, Integer.getInteger("runs", 3));
  }

  @ParameterizedTest
  @MethodSource("runs")
  void doesWhatTheModelDoes(int run) {
    long its = seed + run;
    System.out.println("LeaseModelTest seed=" + its);
    var play = new LeasePlay(its, tables -> tables);

    play.play(STEPS);

    for (String what :
        List.of(
            "leased",
            "redelivered",
            "ACK",
            "NACK",
            "EXTEND",
            "RELEASE",
            "DEAD_LETTER",
            "dead",
            "seek",
            "blocked",
            "settled nothing")) {
      assertTrue(play.happened.getOrDefault(what, 0) > 5, what + " in " + play.happened);
    }
    // Ten or so of these are drawn, and now and then a few only.
    assertTrue(play.happened.getOrDefault("delete", 0) > 0, "delete in " + play.happened);
    assertEquals(play.script.tables.dump(), play.replay().dump(), "replayed");
    assertEquals(play.script.tables.dump(), play.replayFromSnapshot().dump(), "from a snapshot");
  }

  /** A store that loses some changes. */
  private record Losing(Tables tables, Predicate<Change> lost) implements PassingTables {

    record Change(boolean put, Table table, ByteBuffer key) {
      Change(boolean put, Table table, byte[] key) {
        this(put, table, ByteBuffer.wrap(key));
      }

      boolean isOfLeases(char letter) {
        return table == Table.LEASES && key.get(LeaseKeys.PREFIX_BYTES) == letter;
      }

      boolean isLeaseDeadline() {
        return table == Table.DEADLINES && key.remaining() == 45;
      }
    }

    @Override
    public void put(Table table, byte[] key, byte[] value) {
      if (!lost.test(new Change(true, table, key))) {
        tables.put(table, key, value);
      }
    }

    @Override
    public void delete(Table table, byte[] key) {
      if (!lost.test(new Change(false, table, key))) {
        tables.delete(table, key);
      }
    }
  }

  private void assertFound(Predicate<Losing.Change> fault) {
    var play = new LeasePlay(seed, tables -> new Losing(tables, fault));

    // By a check, or by the state machine itself, which stops its replica when a row is missing.
    var found = assertThrows(Throwable.class, () -> play.play(STEPS));
    assertTrue(
        found instanceof AssertionError || found instanceof NoSuchElementException,
        found::toString);
  }

  @Test
  void findsMessageGroupsThatNobodyHolds() {
    assertFound(change -> change.put() && change.isOfLeases(LeaseKeys.MESSAGE_GROUP));
  }

  @Test
  void findsMessageGroupsThatAreHeldForEver() {
    assertFound(change -> !change.put() && change.isOfLeases(LeaseKeys.MESSAGE_GROUP));
  }

  @Test
  void findsLeasesThatNeverEnd() {
    assertFound(change -> change.put() && change.isLeaseDeadline());
  }

  @Test
  void findsDeadlinesOfNothing() {
    assertFound(change -> !change.put() && change.isLeaseDeadline());
  }

  @Test
  void findsBatchesThatDoNotGo() {
    assertFound(change -> !change.put() && change.isOfLeases(LeaseKeys.BATCH));
  }

  @Test
  void findsReadyBatchesThatNobodyWillFind() {
    assertFound(change -> change.put() && change.isOfLeases(LeaseKeys.READY));
  }

  @Test
  void findsBlockedMessagesThatAreLost() {
    assertFound(change -> change.put() && change.isOfLeases(LeaseKeys.BLOCKED));
  }

  @Test
  void findsACursorThatStandsStill() {
    boolean[] begun = {false};
    assertFound(
        change -> {
          boolean cursor = change.put() && change.isOfLeases(LeaseKeys.CURSOR);
          begun[0] |= change.put() && change.isOfLeases(LeaseKeys.BATCH);
          return cursor && begun[0];
        });
  }

  @Test
  void findsDeadLettersThatAreLost() {
    long[] lost = {0};
    assertFound(
        change -> {
          boolean letter = change.put() && change.table() == Table.RUNS && ++lost[0] > 3;
          return letter && lost[0] % 7 == 0;
        });
  }
}
