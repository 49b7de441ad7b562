package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.kills.Outcome;
import io.keelmq.chaos.kills.Rig;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.Seed;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a broker that dies on its way back from the loss of its data comes back all the same, and
 * nothing that was acknowledged is lost. Method: one failpoint that the seed draws, in a group
 * under load; {@code FailpointRounds} does them all. Repeat with {@code -Dseed=}.
 */
class BrokerDeathsTest {

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  @Test
  void everyFailpointIsReachedBySomebody() {
    var reached = EnumSet.copyOf(BrokerDeaths.failpoints());
    for (Rig rig : FailpointRounds.rigs()) {
      reached.addAll(rig.failpoints());
    }

    assertEquals(Arrays.asList(Failpoint.values()), List.copyOf(reached));
  }

  @Test
  @Tag("chaos")
  @Tag("long")
  void brokerComesBackWhereverItDies() {
    Seed seed = ChaosPlan.givenOrNewSeed();
    Path dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            "failpoints-" + Long.toString(System.currentTimeMillis(), 36));
    List<Failpoint> all = List.copyOf(BrokerDeaths.failpoints());
    Failpoint drawn = all.get(seed.random().nextInt(all.size()));
    var plan =
        new ChaosPlan("failpoints", seed, DamageRounds.workload(), 500, 0, PATIENCE, PATIENCE);
    var outcomes = new ArrayList<Outcome>();

    ChaosResult result =
        new ChaosRun(BrokerDeaths.cluster(dir, seed), plan)
            .run(
                faults -> {
                  BrokerDeaths.awaitSnapshots(faults);
                  outcomes.add(BrokerDeaths.run(faults, faults.cluster().node("n2"), drawn));
                });

    System.out.println(result.text() + "\n" + outcomes);
    assertTrue(result.holds(), result::text);
    assertTrue(outcomes.get(0).holds(), outcomes::toString);
  }
}
