package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.PowerPlan.Kind;
import io.keelmq.chaos.PowerPlan.Moment;
import io.keelmq.chaos.checks.DurableCopies;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.Seed;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PowerTallyTest {

  private static final WorkloadOptions WORKLOAD = WorkloadOptions.standard();

  @Test
  void countsARoundWhoseMomentWasNotReachedAsMissed() {
    var tally = new PowerTally(new Seed(1));
    var plan = new ChaosPlan("power-loss", new Seed(1), WORKLOAD, 0, 0);
    var reached = round(Moment.ADOPT, true, Failpoint.ADOPT_LINKED);
    var missed = round(Moment.TRUNCATE, false, Failpoint.TRUNCATE_CUT);

    tally.add(
        new PowerLossRun.Outcome(ChaosResult.none(plan, "not asked"), List.of(reached, missed)));
    String json = tally.json(Kind.ONE, List.of(Moment.MIXED), false).toString();

    assertTrue(json.contains("\"moments_seen\":{\"ADOPT\":1}"), json);
    assertTrue(json.contains("\"moments_missed\":{\"TRUNCATE\":1}"), json);
    assertTrue(json.contains("\"died_at\":{\"ADOPT_LINKED\":1}"), json);
    assertTrue(missed.json(2).toString().contains("\"moment_seen\":false"));
  }

  @Test
  void countsTornDisks() {
    var tally = new PowerTally(new Seed(1));
    var plan = new ChaosPlan("power-loss", new Seed(1), WORKLOAD, 0, 0);
    var torn = round(Moment.ADOPT, true, Failpoint.ADOPT_LINKED).withTorn(List.of("n1", "n2"));

    tally.add(new PowerLossRun.Outcome(ChaosResult.none(plan, "not asked"), List.of(torn)));

    String json = tally.json(Kind.ONE, List.of(Moment.MIXED), false).toString();
    assertTrue(json.contains("\"torn_disks\":2"), json);
  }

  private static PowerRound round(Moment moment, boolean seen, Failpoint failpoint) {
    var onDisk = new DurableCopies.Count(10, 0, 0, List.of());
    return new PowerRound(
        1, List.of(), moment, seen, Optional.of(failpoint), 5, onDisk, 1, List.of());
  }
}
