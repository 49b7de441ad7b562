package io.keelmq.local;

import io.keelmq.client.GroupLevels;
import io.keelmq.client.KeelClient;
import io.keelmq.common.Json;
import io.keelmq.local.RollingRestart.Limits;
import io.keelmq.local.RollingRestart.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code scripts/cluster rolling-restart}. */
@Command(
    name = "rolling-restart",
    description =
        "Stop and start every node, one after the other, while clients go on: name servers, the"
            + " brokers that follow, the leader last.")
final class RollingRestartCommand implements Callable<Integer> {

  /** The leader asks every second. */
  private static final Duration LEVELS_WITHIN = Duration.ofSeconds(15);

  @CommandLine.ParentCommand ClusterCommand parent;

  @Option(
      names = "--graceful",
      paramLabel = "TIME",
      defaultValue = "40s",
      converter = ClusterCommand.Length.class,
      description = "SIGKILL a node that has not ended by then (default: ${DEFAULT-VALUE}).")
  Duration graceful;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "60s",
      converter = ClusterCommand.Length.class,
      description =
          "How long to wait until a node is ready and has caught up (default: ${DEFAULT-VALUE}).")
  Duration timeout;

  @Override
  public Integer call() {
    LocalCluster cluster = parent.openToStart();
    var steps = new ArrayList<Json>();
    try (var client = KeelClient.connect(cluster.endpoints())) {
      new RollingRestart(cluster, new CatchUp(client)::await, new Limits(graceful, timeout))
          .run(
              node -> {},
              step -> {
                steps.add(json(step, cluster.pid(step.node())));
                if (parent.output == ClusterCommand.Output.table) {
                  System.out.println(text(step));
                }
              });
      show(steps, ReachedLevels.await(client, LEVELS_WITHIN));
    }
    return 0;
  }

  private void show(List<Json> steps, SortedMap<String, GroupLevels> reached) {
    if (parent.output == ClusterCommand.Output.json) {
      var levels = new ArrayList<Json>();
      reached.forEach(
          (group, level) ->
              levels.add(
                  new Json()
                      .put("broker_group", group)
                      .put("feature_level", level.now())
                      .put("feature_level_possible", level.possible())));
      System.out.println(
          new Json().putObjects("restarted", steps).putObjects("feature_levels", levels));
    } else {
      reached.forEach(
          (group, level) ->
              System.out.println("group " + group + ": feature level " + level.text()));
    }
  }

  private static Json json(Step step, long pid) {
    return new Json()
        .put("id", step.node().id())
        .put("was", step.role())
        .put("stop_ms", step.stopMillis())
        .put("ready_ms", step.startMillis())
        .put("pid", pid);
  }

  private static String text(Step step) {
    return String.format(
        Locale.ROOT,
        "restarted %s (was %s): ended after %.1f s, ready %.1f s later",
        step.node().id(),
        step.role().toLowerCase(Locale.ROOT).replace('_', '-'),
        step.stopMillis() / 1e3,
        step.startMillis() / 1e3);
  }
}
