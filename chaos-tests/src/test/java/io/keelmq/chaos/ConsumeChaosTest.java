package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.PortPlan;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: what lease groups, delayed and half messages promise holds while brokers and consumers die.
 * Method: producers of all kinds and processes of consumers that acknowledge late, never, or give
 * back; each kind of fault once or twice, in an order that the seed draws; then the checks of
 * {@link io.keelmq.chaos.checks.LeaseVerdict} and {@link io.keelmq.chaos.checks.Verdict}.
 */
@Tag("chaos")
class ConsumeChaosTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  /** Nobody knows what else a machine does that runs tests; ConsumeChaos allows none. */
  private static final Duration TOLERANCE = Duration.ofSeconds(10);

  @Test
  void keepsItsPromisesWhileBrokersAndConsumersAreKilled() {
    var plan =
        new ConsumePlan("consume", ChaosPlan.givenOrNewSeed(), 100, 2, 3_000, 5_000, 7, TOLERANCE);
    var options =
        new ClusterOptions(
            Path.of(
                System.getProperty("chaos.dir", "target/chaos"),
                "consume-" + Long.toString(System.currentTimeMillis(), 36)),
            Distribution.find(),
            new PortPlan.Free(plan.seed().random()));

    ConsumeResult result =
        new ConsumeRun(options, plan)
            .run(
                (faults, consumers) -> {
                  var nemesis = new Nemesis(faults, consumers);
                  Runnable[] each = {
                    nemesis::killConsumers,
                    nemesis::killLeader,
                    nemesis::replaceConsumers,
                    nemesis::killFollower,
                    nemesis::killConsumers,
                    nemesis::transferLeadership,
                    nemesis::killLeader
                  };
                  int first = faults.draw(0, each.length);
                  for (int i = 0; i < each.length; i++) {
                    faults.awaitMoreOks(faults.draw(300, 800), PROGRESS);
                    each[(first + i) % each.length].run();
                  }
                  faults.awaitMoreOks(600, PROGRESS);
                });

    System.out.println(result.text());
    assertTrue(result.holds(), result::text);
  }
}
