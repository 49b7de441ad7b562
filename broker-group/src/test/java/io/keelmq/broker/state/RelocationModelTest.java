package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.testing.MapTables;
import io.keelmq.broker.state.testing.PassingTables;
import io.keelmq.broker.state.testing.StateScript;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever is relocated, trimmed, recalled and repeated: each offset keeps its message. */
class RelocationModelTest {

  private static final int STEPS = 3_000;

  /** Some seeds come to some of it late. */
  private static final int MOST_STEPS = 20 * STEPS;

  private final long seed = Long.getLong("seed", System.nanoTime());

  @Test
  void eachOffsetKeepsItsMessage() {
    var play = new RelocationPlay(new StateScript().raised(), seed);

    play.begin();
    for (int step = 0; step < STEPS || (step < MOST_STEPS && !hasMetAll(play)); step++) {
      play.step();
      play.check();
    }

    assertTrue(
        hasMetAll(play),
        "seed %d: relocated %d, came too late %d, buried %d, freed %d"
            .formatted(seed, play.relocated(), play.moot(), play.deadLetters(), play.freed()));
    replaysToTheSameRows(play.script());
  }

  private static boolean hasMetAll(RelocationPlay play) {
    return play.relocated() > 100
        && play.moot() > 10
        && play.deadLetters() > 10
        && play.freed() > 5;
  }

  /** From the first entry, and from a snapshot in the middle, with restarts. */
  private void replaysToTheSameRows(StateScript script) {
    var restarts = new Random(seed);
    var whole = new MapTables();
    script.replay(whole, 0, () -> restarts.nextInt(100) == 0);
    assertEquals(script.tables.dump(), whole.dump(), "seed " + seed);

    int middle = script.log.size() / 2;
    var first = new MapTables();
    replay(script, first, 0, middle);
    MapTables snapshot = first.copy();
    script.replay(snapshot, middle, () -> restarts.nextInt(100) == 0);
    assertEquals(script.tables.dump(), snapshot.dump(), "seed " + seed);
  }

  private static void replay(StateScript script, MapTables to, int from, int end) {
    var state = new BrokerState(to);
    for (var fed : script.log.subList(from, end)) {
      fed.commands()
          .forEach(command -> state.apply(fed.entry(), command.origin(), command.command()));
      state.finish(fed.entry());
    }
  }

  /** A row that is changed once it is there gets a wrong place in the entry. */
  @Test
  void aWrongAddressIsFound() {
    var play = new RelocationPlay(new StateScript(tables -> new Spoiled(tables)).raised(), seed);
    play.begin();

    assertThrows(
        AssertionError.class,
        () -> {
          for (int step = 0; step < STEPS; step++) {
            play.step();
            play.check();
          }
        });
  }

  /** Once in a while, what moves is put where another body lies. */
  private static final class Spoiled implements PassingTables {
    private final Tables tables;
    private int moves;

    Spoiled(Tables tables) {
      this.tables = tables;
    }

    @Override
    public Tables tables() {
      return tables;
    }

    @Override
    public void put(Table table, byte[] key, byte[] value) {
      Optional<byte[]> before = tables.get(table, key);
      if (table == Table.RUNS && before.isPresent() && ++moves % 20 == 0) {
        StoredRun run = Rows.run(0, value);
        tables.put(
            table,
            key,
            Rows.run(run.movedTo(new BodyAddress(run.logIndex(), run.position() + 10))));
      } else {
        tables.put(table, key, value);
      }
    }
  }
}
