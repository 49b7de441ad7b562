package io.keelmq.client.cli;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.GroupLevels;
import io.keelmq.client.InitResult;
import io.keelmq.client.Unavailable;
import io.keelmq.common.Json;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.TransferLeadershipResponse;
import java.time.Duration;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code keelmq cluster}. */
@Command(
    name = "cluster",
    description =
        "Makes a group out of empty replicas, shows it, and changes its leader and members.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      ClusterCommand.Init.class,
      ClusterCommand.Status.class,
      ClusterCommand.Transfer.class,
      MemberChangeCommand.Add.class,
      MemberChangeCommand.Remove.class,
      MemberChangeCommand.Promote.class,
      ReplaceCommand.class,
      RebuildCommand.class,
    })
final class ClusterCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  @Command(
      name = "init",
      description =
          "Makes a broker group out of empty replicas, once. Again after a failure it goes on; on a"
              + " group that runs it changes nothing.")
  static final class Init extends CliCommand {
    @Option(
        names = "--group",
        paramLabel = "GROUP",
        defaultValue = "g0",
        description = "default g0")
    String group;

    @Option(
        names = "--replicas",
        paramLabel = "N",
        defaultValue = "3",
        description = "1, 3 or 5; default 3")
    int replicas;

    @Option(
        names = "--wait",
        paramLabel = "TIME",
        defaultValue = "60s",
        converter = Converters.Length.class,
        description = "for the replicas to come up; default 60s")
    Duration wait;

    @Override
    public Integer call() {
      if (replicas != 1 && replicas != 3 && replicas != 5) {
        throw CliError.usage("--replicas " + replicas + ": a group has 1, 3 or 5 replicas");
      }
      if (wait.isZero()) {
        throw CliError.usage("--wait 0: give a time longer than nothing, e.g. 60s");
      }
      return withCluster(
          cluster -> {
            try {
              print(cluster.brokerGroups().init(group, replicas, wait));
            } catch (Unavailable e) {
              // Its code may say "not initialized", whose usual advice is this very command.
              throw new CliError(
                  ExitCodes.UNAVAILABLE, e.code().name(), Failures.oneLine(e.getMessage()), e);
            }
            return ExitCodes.OK;
          });
    }

    private void print(InitResult result) {
      var plan = result.plan();
      if (json()) {
        out()
            .line(
                new Json()
                    .put("cluster_id", plan.getClusterId())
                    .put("broker_group", plan.getBrokerGroup())
                    .put("already_initialized", result.alreadyInitialized())
                    .put("resumed", result.resumed())
                    .putObjects(
                        "members",
                        plan.getMembersList().stream()
                            .map(
                                member ->
                                    new Json()
                                        .put("node", member.getNode())
                                        .put("raft_address", member.getRaftAddress())
                                        .put("incarnation", member.getIncarnation()))
                            .toList())
                    .toString());
        return;
      }
      String what =
          result.alreadyInitialized()
              ? "already initialized"
              : result.resumed() ? "initialized, where an earlier attempt ended" : "initialized";
      out()
          .line(
              "group %s of cluster %s: %s"
                  .formatted(plan.getBrokerGroup(), plan.getClusterId(), what));
      var table = new Table("NODE", "RAFT", "INCARNATION");
      plan.getMembersList()
          .forEach(
              member ->
                  table.row(member.getNode(), member.getRaftAddress(), member.getIncarnation()));
      table.print(out());
    }
  }

  @Command(
      name = "status",
      description = "Shows name servers, groups and replicas. Exit code 0 when every group is led.")
  static final class Status extends CliCommand {
    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            ClusterStatus status = cluster.brokerGroups().status();
            if (json()) {
              out().line(StatusJson.of(status).toString());
            } else {
              print(status);
            }
            out().flush();
            judge(status);
            return ExitCodes.OK;
          });
    }

    private void print(ClusterStatus status) {
      var nameServers = new Table("NAME_SERVER", "STATE");
      status
          .nameServers()
          .forEach(
              server ->
                  nameServers.row(
                      server.address(),
                      !server.reachable()
                          ? "unreachable: " + server.problem()
                          : server.warmingUp() ? "warming up" : "ready"));
      nameServers.print(out());
      for (GroupState group : status.groups()) {
        out().line("");
        out()
            .line(
                "group %s  cluster %s  term %d  leader %s  feature level %s"
                    .formatted(
                        group.route().getBrokerGroup(),
                        orDash(group.route().getClusterId()),
                        group.route().getTerm(),
                        orDash(group.route().getLeaderNode()),
                        GroupLevels.of(group).text()));
        var table =
            new Table(
                "ROLE",
                "NODE",
                "STATE",
                "TERM",
                "APPLIED",
                "INCARNATION",
                "VERSION",
                "LEVELS",
                "CLIENT",
                "RAFT",
                "OPS");
        for (ReplicaState replica : group.replicas()) {
          var route = replica.route();
          table.row(
              role(replica),
              route.getNode(),
              state(replica),
              replica.status().map(ReplicaStatus::getTerm).map(String::valueOf).orElse("-"),
              replica.status().map(ReplicaStatus::getAppliedIndex).orElse(route.getAppliedIndex()),
              replica.status().map(Status::incarnation).orElse("-"),
              orDash(route.getSoftwareVersion()),
              replica.status().map(Status::levels).orElse("-"),
              route.getClientAddress(),
              route.getRaftAddress(),
              route.getOpsAddress());
        }
        table.print(out());
        group.members().stream()
            .filter(member -> member.getStage() != MemberStage.VOTER)
            .forEach(member -> out().line(MemberChangeCommand.told(member)));
      }
    }

    /** The last part of host:port:incarnation. */
    private static String incarnation(ReplicaStatus status) {
      String peer = status.getPeerId();
      return peer.isEmpty() ? "-" : peer.substring(peer.lastIndexOf(':') + 1);
    }

    /** Those that the replica supports. */
    private static String levels(ReplicaStatus status) {
      int least = Math.max(1, status.getFeatureLevelLeast());
      int most = GroupLevels.most(status);
      return least == most ? String.valueOf(least) : least + "-" + most;
    }

    /** In the words of {@code scripts/cluster status}. */
    private static String state(ReplicaState replica) {
      String reason = replica.status().map(ReplicaStatus::getReason).orElseGet(replica::problem);
      String state = !replica.reachable() ? "no-answer" : ready(replica) ? "ready" : "not-ready";
      return reason.isEmpty() ? state : state + " (" + reason + ")";
    }

    /** Scripts ask: can I send? */
    private static void judge(ClusterStatus status) {
      if (status.groups().isEmpty()) {
        boolean warmingUp = status.nameServers().stream().anyMatch(s -> s.warmingUp());
        throw new CliError(
            ExitCodes.UNAVAILABLE,
            warmingUp ? "WARMING_UP" : "NO_LEADER",
            warmingUp
                ? "the name servers have just started and know no replica yet: try again in a few"
                    + " seconds"
                : "no replica has reported to the name servers: start brokers that name them in"
                    + " name.servers");
      }
      for (GroupState group : status.groups()) {
        String name = group.route().getBrokerGroup();
        if (!group.route().getLeaderNode().isEmpty()) {
          continue;
        }
        if (group.replicas().stream()
            .allMatch(r -> r.route().getRole() == ReplicaRole.UNINITIALIZED)) {
          throw new CliError(
              ExitCodes.PRECONDITION,
              "NOT_INITIALIZED",
              "group %s is not initialized: run `keelmq cluster init --group %s --replicas %d`"
                  .formatted(name, name, group.replicas().size()));
        }
        throw new CliError(
            ExitCodes.UNAVAILABLE,
            "NO_LEADER",
            "group %s has no leader: a majority of its replicas must run and reach each other"
                .formatted(name));
      }
    }
  }

  @Command(name = "transfer", description = "Makes another replica lead.")
  static final class Transfer extends CliCommand {
    @Mixin BrokerGroupOption brokerGroup;

    @Option(
        names = "--to",
        paramLabel = "NODE",
        defaultValue = "",
        description = "default: whichever is most up to date")
    String node;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            TransferLeadershipResponse now =
                cluster.brokerGroups().transfer(brokerGroup.name, node);
            out()
                .line(
                    json()
                        ? new Json()
                            .put("leader_node", now.getLeaderNode())
                            .put("term", now.getTerm())
                            .toString()
                        : "%s leads in term %d".formatted(now.getLeaderNode(), now.getTerm()));
            return ExitCodes.OK;
          });
    }
  }

  static String role(ReplicaState replica) {
    if (!replica.reachable()) {
      return "unreachable";
    }
    return replica
        .status()
        .map(ReplicaStatus::getRole)
        .orElse(replica.route().getRole())
        .name()
        .toLowerCase(Locale.ROOT);
  }

  static boolean ready(ReplicaState replica) {
    return replica.status().map(ReplicaStatus::getReady).orElse(false);
  }

  private static String orDash(String text) {
    return text.isEmpty() ? "-" : text;
  }
}
