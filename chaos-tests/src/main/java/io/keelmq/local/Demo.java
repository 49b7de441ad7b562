package io.keelmq.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The program behind {@code scripts/demo}: KeelMQ's promise, shown on this machine. */
@Command(
    name = "demo",
    description =
        "Starts two name servers and three brokers on free ports, sends every line of a real text,"
            + " kills the leader and a consumer with -9 on the way, replaces them, and checks that"
            + " every line came out once and in order for a reader, and was acknowledged by a"
            + " consumer group of two. Exit code 0 only if all of it holds.")
public final class Demo implements Callable<Integer> {

  private static final Duration GRACEFUL_STOP = Duration.ofSeconds(5);

  @CommandLine.Spec CommandLine.Model.CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = "--lines",
      defaultValue = "200000",
      description = "Send at least so many lines (default: ${DEFAULT-VALUE}).")
  long lines;

  @Option(
      names = "--kill-at",
      paramLabel = "SHARE",
      description = "Kill the leader when this share of the lines is sent, 0 to 1 (default: 0.5).")
  Double killAt;

  @Option(
      names = "--seed",
      description = "Draw the moment of the kill from this seed instead, between 0.1 and 0.9.")
  Long seed;

  @Option(names = "--keep", description = "Leave the cluster running, to look around.")
  boolean keep;

  @Option(
      names = {"-o", "--output"},
      defaultValue = "table",
      description = "table or json (default: ${DEFAULT-VALUE}).")
  ClusterCommand.Output output;

  private Demo() {}

  public static void main(String[] args) {
    LocalProgram.main(new Demo(), args);
  }

  @Override
  public Integer call() throws IOException {
    double share = killShare();
    Distribution distribution = Distribution.find();
    DemoText text = DemoText.ofThisJdk(lines);
    say("text: %s, %,d lines", text.source(), text.lines());
    Path folder = Files.createTempDirectory("keelmq-demo-");
    var options =
        new ClusterOptions(folder, distribution, new PortPlan.Free(Seed.fresh().random()));
    LocalCluster cluster = LocalCluster.create(options, new ClientBootstrap());
    var guard = new KillOnExit(cluster, () -> ClusterFolder.delete(folder));
    boolean held = false;
    try {
      long startNanos = System.nanoTime();
      cluster.start(LocalCluster.START_DEADLINE);
      double startSeconds = (System.nanoTime() - startNanos) / 1e9;
      say("cluster: %d processes ready in %.1f s", cluster.nodes().size(), startSeconds);
      DemoReport report =
          new DemoRun(
                  cluster,
                  new DemoGroup(cluster, distribution),
                  text,
                  share,
                  line -> say("%s", line))
              .run(startSeconds);
      held = report.problems().isEmpty();
      print(report, held);
    } finally {
      finish(cluster, folder, held);
      guard.close();
    }
    return held ? 0 : 1;
  }

  private double killShare() {
    if (killAt != null && seed != null) {
      throw new ParameterException(spec.commandLine(), "--kill-at and --seed: give one of them");
    }
    double share = 0.5;
    if (killAt != null) {
      share = killAt;
    } else if (seed != null) {
      share = 0.1 + 0.8 * new Seed(seed).random().nextDouble();
    }
    if (!(share >= 0 && share < 1)) {
      throw new ParameterException(
          spec.commandLine(), "--kill-at " + share + ": expected 0 to less than 1");
    }
    return share;
  }

  private void print(DemoReport report, boolean held) {
    if (output == ClusterCommand.Output.json) {
      System.out.println(report.json());
      return;
    }
    System.out.println(report.table());
    if (held) {
      System.out.println(
          "Every line came out once and in order, and the group acknowledged every one.");
    } else {
      System.out.println("FAILED:");
      report.problems().forEach(problem -> System.out.println("  " + problem));
    }
  }

  private void finish(LocalCluster cluster, Path folder, boolean held) {
    if (keep) {
      say(
          "the cluster runs on: export KEELMQ_ENDPOINTS=%s; scripts/keelmq read --topic %s --max 5;"
              + " to end it: scripts/cluster stop --delete --dir %s",
          cluster.endpoints(), DemoRun.TOPIC, folder);
      return;
    }
    cluster.stop(GRACEFUL_STOP);
    if (held) {
      ClusterFolder.delete(folder);
    } else {
      say("logs and data are left in %s", folder);
    }
  }

  private static void say(String format, Object... values) {
    System.err.println(String.format(Locale.ROOT, format, values));
  }
}
