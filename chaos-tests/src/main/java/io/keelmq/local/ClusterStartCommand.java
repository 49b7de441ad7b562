package io.keelmq.local;

import io.keelmq.local.ClusterFailure.Kind;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** {@code scripts/cluster start}: makes the cluster of a folder, or starts what does not run. */
@Command(
    name = "start",
    description = "Start the cluster and wait until every node is ready; the first time, make it.")
final class ClusterStartCommand implements Callable<Integer> {

  enum Ports {
    fixed,
    free
  }

  @CommandLine.ParentCommand ClusterCommand parent;
  @CommandLine.Spec CommandLine.Model.CommandSpec spec;

  @Option(names = "--brokers", paramLabel = "N", description = "1, 3 or 5 (default: 3).")
  Integer brokers;

  @Option(names = "--name-servers", paramLabel = "N", description = "1 to 5 (default: 2).")
  Integer nameServers;

  @Option(
      names = "--port-offset",
      paramLabel = "N",
      description = "Added to every port, so that clusters run side by side (default: 0).")
  Integer portOffset;

  @Option(
      names = "--ports",
      defaultValue = "fixed",
      description = "fixed, or free: any that nobody uses (default: ${DEFAULT-VALUE}).")
  Ports ports;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "A setting for every broker, for example raft.election.timeout=2s.")
  Map<String, String> settings = Map.of();

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "60s",
      converter = ClusterCommand.Length.class,
      description = "How long to wait until all are ready (default: ${DEFAULT-VALUE}).")
  Duration timeout;

  @Override
  public Integer call() {
    if (ports == Ports.free && portOffset != null) {
      throw new ParameterException(
          spec.commandLine(), "--port-offset has no meaning with --ports free");
    }
    boolean isNew = !ClusterFile.exists(parent.folder().toAbsolutePath());
    LocalCluster cluster = isNew ? create() : reopen();
    boolean ran = cluster.nodes().stream().allMatch(cluster::isRunning);
    if (parent.output == ClusterCommand.Output.table && !ran) {
      System.err.println("starting " + cluster.nodes().size() + " nodes in " + cluster.dir());
    }
    try {
      startOrCleanUp(cluster);
    } finally {
      // A port that is taken must not tie the folder to that choice of ports.
      if (isNew && cluster.isUntouched()) {
        ClusterFolder.delete(cluster.dir());
      }
    }
    parent.print(ClusterCommand.json(cluster), ClusterCommand.table(cluster) + next(cluster));
    return 0;
  }

  private LocalCluster create() {
    var options =
        new ClusterOptions(
            parent.folder(),
            Distribution.find(),
            brokers == null ? 3 : brokers,
            nameServers == null ? 2 : nameServers,
            ClusterCommand.ports(portOffset, ports == Ports.free),
            settings,
            List.of(),
            Map.of(),
            List.of());
    return LocalCluster.create(options, new ClientBootstrap());
  }

  /** What was chosen when the cluster was made cannot be chosen again: its members agreed on it. */
  private LocalCluster reopen() {
    LocalCluster cluster = parent.openToStart();
    requireSame("--brokers", brokers, cluster.brokers().size());
    requireSame("--name-servers", nameServers, cluster.nameServers().size());
    if (portOffset != null) {
      int first = new PortPlan.Offset(portOffset).place(1, 1).get(0).clientPort();
      requireSame("first port by --port-offset", first, cluster.nodes().get(0).clientPort());
    }
    if (!settings.isEmpty() && !settings.equals(cluster.brokerSettings())) {
      throw otherCluster("--set " + settings, cluster.brokerSettings().toString());
    }
    return cluster;
  }

  private void requireSame(String option, Integer wanted, int found) {
    if (wanted != null && wanted != found) {
      throw otherCluster(option + " " + wanted, Integer.toString(found));
    }
  }

  private ClusterFailure otherCluster(String wanted, String found) {
    return new ClusterFailure(
        Kind.PRECONDITION,
        parent.folder()
            + " holds a cluster made with other options ("
            + wanted
            + " wanted, "
            + found
            + " found); use another --dir, or `scripts/cluster stop --delete` first");
  }

  private void startOrCleanUp(LocalCluster cluster) {
    var running = cluster.nodes().stream().filter(cluster::isRunning).toList();
    var done = new AtomicBoolean();
    // Ctrl-C while starting: the nodes have sessions of their own and would go on without us.
    var cleanUp =
        new Thread(
            () -> {
              if (!done.get() && running.isEmpty()) {
                cluster.killEverything();
              }
            },
            "start-interrupted");
    Runtime.getRuntime().addShutdownHook(cleanUp);
    try {
      cluster.start(timeout);
      done.set(true);
    } finally {
      try {
        Runtime.getRuntime().removeShutdownHook(cleanUp);
      } catch (IllegalStateException e) {
        // The JVM is shutting down: the hook does its work.
        done.get();
      }
    }
  }

  private String next(LocalCluster cluster) {
    String dir = parent.dir == null ? "" : " --dir " + cluster.dir();
    boolean standard = cluster.endpoints().startsWith("127.0.0.1:9876");
    String environment = standard ? "" : "\n  export KEELMQ_ENDPOINTS=" + cluster.endpoints();
    return "\n\nNext:"
        + environment
        + "\n  scripts/keelmq topic create hello --queues 4"
        + "\n  scripts/keelmq send --topic hello \"first light\""
        + "\n  scripts/keelmq read --topic hello --from earliest --max 1"
        + "\n  scripts/cluster kill leader"
        + dir
        + "\n  scripts/cluster stop"
        + dir;
  }
}
