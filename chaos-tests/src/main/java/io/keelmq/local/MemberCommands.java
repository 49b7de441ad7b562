package io.keelmq.local;

import io.keelmq.client.Admin;
import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import io.keelmq.client.RequestRejected;
import io.keelmq.client.Unavailable;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterFailure.Kind;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code scripts/cluster wipe}, {@code add}, {@code remove} and {@code replace}: brokers that come
 * and go.
 */
final class MemberCommands {

  private static final Duration GRACEFUL = Duration.ofSeconds(10);
  private static final String GROUP = "g0";

  private MemberCommands() {}

  @Command(
      name = "wipe",
      description =
          "Stop a broker, delete its data, start it again and wait until it has caught up and votes.")
  static final class Wipe extends ClusterCommand.OnNode {
    @Option(
        names = "--timeout",
        paramLabel = "TIME",
        defaultValue = "60s",
        converter = ClusterCommand.Length.class,
        description = "How long to wait until it votes (default: ${DEFAULT-VALUE}).")
    Duration timeout;

    @Override
    LocalCluster cluster() {
      return parent.openToStart();
    }

    @Override
    String act(LocalCluster cluster, Node node) {
      cluster.wipe(node, GRACEFUL);
      cluster.awaitVoter(node, timeout);
      return "wiped";
    }
  }

  @Command(
      name = "add",
      description = "Start one more broker, let it join the group and wait until it votes.")
  static final class Add implements Callable<Integer> {
    @CommandLine.ParentCommand ClusterCommand parent;

    @Mixin SeedFrom seedFrom;

    @Option(
        names = "--timeout",
        paramLabel = "TIME",
        defaultValue = "60s",
        converter = ClusterCommand.Length.class,
        description = "How long to wait until it votes (default: ${DEFAULT-VALUE}).")
    Duration timeout;

    @Override
    public Integer call() {
      LocalCluster cluster = parent.openToStart();
      Node node = cluster.addNode();
      boolean announced = false;
      try {
        seedFrom.layInto(cluster, node);
        ask(
            cluster,
            admin ->
                admin.addReplica(
                    GROUP, node.id(), node.raft().toString(), node.client().toString(), false));
        announced = true;
      } finally {
        if (!announced) {
          cluster.removeNode(node, Duration.ZERO);
        }
      }
      cluster.startNode(node);
      cluster.awaitVoter(node, timeout);
      parent.print(
          new Json().put("id", node.id()).put("done", "added").put("pid", cluster.pid(node)),
          "added %s (client %s, raft %s)".formatted(node.id(), node.client(), node.raft()));
      return 0;
    }
  }

  @Command(
      name = "remove",
      description = "Take a broker out of the group, stop it and delete its data.")
  static final class Remove extends ClusterCommand.OnNode {
    @Option(names = "--force", description = "Also if too few of the others answer.")
    boolean force;

    @Option(
        names = "--timeout",
        paramLabel = "TIME",
        defaultValue = "60s",
        converter = ClusterCommand.Length.class,
        description = "How long to wait until it is out (default: ${DEFAULT-VALUE}).")
    Duration timeout;

    @Override
    String act(LocalCluster cluster, Node node) {
      if (!node.isBroker()) {
        throw new ClusterFailure(
            Kind.USAGE, node.id() + " is a name server: only brokers are members of a group");
      }
      ask(
          cluster,
          admin -> {
            admin.removeReplica(GROUP, node.id(), force);
            boolean gone =
                Waiting.until(
                    timeout,
                    () ->
                        admin.replicas(GROUP).stream()
                            .noneMatch(member -> member.getNode().equals(node.id())));
            if (!gone) {
              throw new ClusterFailure(
                  Kind.UNAVAILABLE,
                  node.id() + " is not out of the group yet; run this again to wait for it");
            }
          });
      cluster.removeNode(node, GRACEFUL);
      return "removed";
    }
  }

  @Command(
      name = "replace",
      description =
          "Start one more broker, let it join, and when it votes take NODE out and delete its data."
              + " Again after an interruption it goes on.")
  static final class Replace implements Callable<Integer> {
    @CommandLine.ParentCommand ClusterCommand parent;

    @Parameters(paramLabel = "NODE", description = "n1.. or leader; it may be dead.")
    String name;

    @Mixin SeedFrom seedFrom;

    @Option(
        names = "--timeout",
        paramLabel = "TIME",
        defaultValue = "2m",
        converter = ClusterCommand.Length.class,
        description = "How long to wait until NODE is out (default: ${DEFAULT-VALUE}).")
    Duration timeout;

    @Override
    public Integer call() {
      LocalCluster cluster = parent.openToStart();
      Node leaving = cluster.node(name);
      ask(
          cluster,
          admin -> {
            Node coming =
                new LocalReplacement(cluster, admin, GROUP)
                    .run(
                        leaving,
                        timeout,
                        node -> seedFrom.layInto(cluster, node),
                        System.err::println);
            parent.print(
                new Json()
                    .put("id", coming.id())
                    .put("done", "replaced " + leaving.id())
                    .put("pid", cluster.pid(coming)),
                "replaced %s by %s (client %s, raft %s)"
                    .formatted(leaving.id(), coming.id(), coming.client(), coming.raft()));
          });
      return 0;
    }
  }

  private static void ask(LocalCluster cluster, Consumer<Admin> what) {
    try (var client = KeelClient.connect(cluster.endpoints())) {
      what.accept(client.admin());
    } catch (KeelException e) {
      Kind kind =
          e instanceof RequestRejected
              ? Kind.PRECONDITION
              : e instanceof Unavailable ? Kind.UNAVAILABLE : Kind.FAILED;
      throw new ClusterFailure(kind, "the group's members did not change: " + e.getMessage(), e);
    }
  }
}
