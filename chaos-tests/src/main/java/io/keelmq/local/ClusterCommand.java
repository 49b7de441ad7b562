package io.keelmq.local;

import io.keelmq.common.Durations;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterFailure.Kind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;

/** What all commands of {@code scripts/cluster} share. */
@Command(
    name = "cluster",
    description = "Name servers and a broker group on this machine, as real processes.",
    scope = ScopeType.INHERIT,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "NODE is n1, n2, .. (brokers), ns1, ns2, .. (name servers) or leader.",
      "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unavailable or timeout, 5 precondition."
    },
    subcommands = {
      ClusterStartCommand.class,
      ClusterCommand.Status.class,
      ClusterCommand.Stop.class,
      ClusterCommand.Kill.class,
      ClusterCommand.Pause.class,
      ClusterCommand.Resume.class,
      ClusterCommand.Restart.class,
      RollingRestartCommand.class,
      MemberCommands.Wipe.class,
      MemberCommands.Add.class,
      MemberCommands.Remove.class,
      MemberCommands.Replace.class,
      ClusterLogsCommand.class
    })
final class ClusterCommand implements Runnable {

  enum Output {
    table,
    json
  }

  /** A length of time such as 10s; a number is seconds. */
  static final class Length implements CommandLine.ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return Durations.parseOrSeconds(text)
          .orElseThrow(
              () ->
                  new CommandLine.TypeConversionException(
                      "\"" + text + "\" is no length of time: write 10 or 10s, 500ms, 5m"));
    }
  }

  @Option(
      names = "--dir",
      scope = ScopeType.INHERIT,
      description = "Folder of the cluster (default: $KEELMQ_DIR, else ~/.keelmq/local).")
  Path dir;

  @Option(
      names = {"-o", "--output"},
      scope = ScopeType.INHERIT,
      defaultValue = "table",
      description = "table or json (default: ${DEFAULT-VALUE}).")
  Output output;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help.")
  boolean help;

  @CommandLine.Spec CommandLine.Model.CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing, for example: start");
  }

  Path folder() {
    if (dir != null) {
      return dir;
    }
    String named = System.getenv("KEELMQ_DIR");
    return named != null && !named.isBlank()
        ? Path.of(named)
        : Path.of(System.getProperty("user.home"), ".keelmq", "local");
  }

  /** The cluster of the folder, to look at and to signal. */
  LocalCluster open() {
    return LocalCluster.open(folder(), Optional.empty(), new ClientBootstrap());
  }

  LocalCluster openToStart() {
    return LocalCluster.open(folder(), Optional.of(Distribution.find()), new ClientBootstrap());
  }

  void print(Json json, String text) {
    System.out.println(output == Output.json ? json : text);
  }

  static Json json(NodeStatus status) {
    Node node = status.node();
    var json =
        new Json()
            .put("id", node.id())
            .put("role", status.role())
            .put("state", status.state().name())
            .put("client", node.client().toString());
    if (node.isBroker()) {
      json.put("raft", node.raft().toString());
    }
    return json.put("ops", node.ops().toString())
        .put("pid", status.pid())
        .put("reason", status.reason());
  }

  static Json json(LocalCluster cluster) {
    return new Json()
        .put("dir", cluster.dir().toString())
        .put("endpoints", cluster.endpoints())
        .putObjects("nodes", cluster.status().stream().map(ClusterCommand::json).toList());
  }

  static String table(LocalCluster cluster) {
    var table = new Table("ROLE", "ID", "STATE", "CLIENT", "RAFT", "OPS", "PID");
    for (NodeStatus status : cluster.status()) {
      Node node = status.node();
      String state = status.state().name().toLowerCase(Locale.ROOT).replace('_', '-');
      table.row(
          status.role().toLowerCase(Locale.ROOT).replace('_', '-'),
          node.id(),
          status.reason().isEmpty() ? state : state + " (" + status.reason() + ")",
          node.client(),
          node.isBroker() ? node.raft() : "-",
          node.ops(),
          status.pid() == 0 ? "-" : status.pid());
    }
    return table.toString().stripTrailing();
  }

  @Command(name = "status", description = "Show the nodes; exit code 4 unless all are ready.")
  static final class Status implements Callable<Integer> {
    @CommandLine.ParentCommand ClusterCommand parent;

    @Override
    public Integer call() {
      LocalCluster cluster = parent.open();
      parent.print(json(cluster), table(cluster));
      boolean whole =
          cluster.status().stream().allMatch(node -> node.state() == NodeStatus.State.READY);
      return whole ? 0 : Kind.UNAVAILABLE.exitCode();
    }
  }

  @Command(
      name = "stop",
      description = "Stop every node. The data stays, unless --delete is given.")
  static final class Stop implements Callable<Integer> {
    @CommandLine.ParentCommand ClusterCommand parent;

    @Option(names = "--delete", description = "Delete the cluster's folder, data included.")
    boolean delete;

    @Option(
        names = "--timeout",
        paramLabel = "TIME",
        defaultValue = "10s",
        converter = Length.class,
        description = "SIGKILL those that have not ended by then (default: ${DEFAULT-VALUE}).")
    Duration timeout;

    @Override
    public Integer call() {
      LocalCluster cluster = parent.open();
      long running = cluster.nodes().stream().filter(cluster::isRunning).count();
      cluster.stop(timeout);
      if (delete) {
        ClusterFolder.delete(cluster.dir());
      }
      String where =
          delete
              ? "deleted " + cluster.dir()
              : "data and logs stay in " + cluster.dir() + " (--delete removes them)";
      parent.print(
          new Json()
              .put("stopped", running)
              .put("dir", cluster.dir().toString())
              .put("deleted", delete),
          "stopped " + running + " processes; " + where);
      return 0;
    }
  }

  /** A command that does one thing to one node. */
  abstract static class OnNode implements Callable<Integer> {
    @CommandLine.ParentCommand ClusterCommand parent;

    @Parameters(paramLabel = "NODE", description = "n1.., ns1.. or leader.")
    String name;

    /** Returns what was done, in the past tense. */
    abstract String act(LocalCluster cluster, Node node);

    LocalCluster cluster() {
      return parent.open();
    }

    @Override
    public Integer call() {
      LocalCluster cluster = cluster();
      Node node = cluster.node(name);
      long pid = cluster.pid(node);
      String done = act(cluster, node);
      Function<Long, String> was = number -> number == 0 ? "" : " (pid " + number + ")";
      parent.print(
          new Json().put("id", node.id()).put("done", done).put("pid", cluster.pid(node)),
          done + " " + node.id() + was.apply(pid));
      return 0;
    }
  }

  @Command(name = "kill", description = "Kill a node with SIGKILL.")
  static final class Kill extends OnNode {
    @Override
    String act(LocalCluster cluster, Node node) {
      cluster.kill(node);
      return "killed";
    }
  }

  @Command(name = "pause", description = "Stop a node's clock (SIGSTOP) until resume.")
  static final class Pause extends OnNode {
    @Override
    String act(LocalCluster cluster, Node node) {
      cluster.pause(node);
      return "paused";
    }
  }

  @Command(name = "resume", description = "Let a paused node go on (SIGCONT).")
  static final class Resume extends OnNode {
    @Override
    String act(LocalCluster cluster, Node node) {
      cluster.resume(node);
      return "resumed";
    }
  }

  @Command(
      name = "restart",
      description = "Stop a node if it runs, start it and wait until it is ready.")
  static final class Restart extends OnNode {
    private static final Duration GRACEFUL = Duration.ofSeconds(10);

    @Override
    LocalCluster cluster() {
      return parent.openToStart();
    }

    @Override
    String act(LocalCluster cluster, Node node) {
      if (cluster.isRunning(node)) {
        cluster.stopNode(node, GRACEFUL);
      }
      cluster.startNode(node);
      cluster.awaitReady(List.of(node), LocalCluster.START_DEADLINE);
      return "restarted";
    }
  }

  static PortPlan ports(Integer offset, boolean free) {
    return free
        ? new PortPlan.Free(Seed.fresh().random())
        : new PortPlan.Offset(offset == null ? 0 : offset);
  }
}
