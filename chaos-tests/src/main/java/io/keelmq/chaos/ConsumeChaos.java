package io.keelmq.chaos;

import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The long run with lease consumers: producers of all kinds, consumers that acknowledge late or
 * never, and random kills of leaders, followers and consumers, for as long as it is told to.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.ConsumeChaos --minutes 10}
 */
@Command(
    name = "consume-chaos",
    description =
        "Lease consumers, delayed and half messages under random kills; the verdict as JSON. Exit"
            + " code 0 only if every promise held.")
public final class ConsumeChaos implements Callable<Integer> {

  @Mixin RunOptions run;

  @Option(
      names = "--minutes",
      defaultValue = "10",
      description = "Of faults (default: ${DEFAULT-VALUE}).")
  double minutes;

  @Option(
      names = "--rate",
      defaultValue = "200",
      description = "Messages a second for each of two topics, half of it for each of two more.")
  int rate;

  @Option(
      names = "--consumers",
      defaultValue = "2",
      description = "Processes of consumers (default: ${DEFAULT-VALUE}).")
  int consumerProcesses;

  @Option(
      names = "--tolerance-ms",
      defaultValue = "0",
      description = "By which timers and deliveries may be later than promised (default: 0).")
  long toleranceMillis;

  private ConsumeChaos() {}

  public static void main(String[] args) {
    LocalProgram.main(new ConsumeChaos(), args);
  }

  @Override
  public Integer call() throws IOException {
    Path folder = Files.createTempDirectory("keelmq-consume-chaos-");
    Seed chosen = run.seed();
    long minutesOfLoad = Math.max(1, (long) minutes);
    // A tenth of what the load is, and three faults a minute, or it has proved too little.
    var plan =
        new ConsumePlan(
            "consume-chaos",
            chosen,
            rate,
            consumerProcesses,
            minutesOfLoad * 60 * rate * 3 / 10,
            minutesOfLoad * 60 * rate * 3 / 10,
            (int) (3 * minutes),
            Duration.ofMillis(toleranceMillis));
    var options =
        new ClusterOptions(folder, Distribution.find(), new PortPlan.Free(chosen.random()));
    ConsumeResult result =
        new ConsumeRun(options, plan)
            .run(
                (faults, consumers) -> {
                  var nemesis = new Nemesis(faults, consumers);
                  // From here on: the start of the processes is no minute of faults.
                  long endNanos =
                      System.nanoTime() + Duration.ofSeconds((long) (minutes * 60)).toNanos();
                  while (System.nanoTime() - endNanos < 0) {
                    nemesis.strike();
                  }
                });
    System.out.println(result.json());
    if (!result.holds()) {
      System.err.println(result.text());
      System.err.println("histories, logs and data are left in " + folder);
      return 1;
    }
    ClusterFolder.delete(folder);
    return 0;
  }
}
