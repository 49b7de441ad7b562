package io.keelmq.client.cli;

import io.keelmq.common.Durations;
import io.keelmq.common.HostPort;
import io.keelmq.common.Json;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * What {@code keelmq cluster add}, {@code remove} and {@code promote} share: the group is told what
 * is wanted, and does it by itself; the command looks on until it is done.
 */
abstract class MemberChangeCommand extends CliCommand {

  private static final Executor SOON =
      CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS);

  @Parameters(paramLabel = "NODE", description = "name of the replica, as in its setting node")
  String node;

  @Mixin BrokerGroupOption brokerGroup;

  /** Looks until the node is as it should be, or the time is over; empty: it is no member. */
  Optional<GroupReplica> await(
      Cluster cluster, Duration wait, Predicate<Optional<GroupReplica>> done) {
    long deadlineNanos = System.nanoTime() + wait.toNanos();
    while (true) {
      Optional<GroupReplica> now =
          cluster.brokerGroups().members(brokerGroup.name).stream()
              .filter(member -> member.getNode().equals(node))
              .findFirst();
      if (wait.isZero() || done.test(now)) {
        return now;
      }
      if (System.nanoTime() - deadlineNanos >= 0) {
        throw new CliError(
            ExitCodes.UNAVAILABLE,
            "OUTCOME_UNKNOWN",
            "%s after %s: it goes on by itself, `keelmq cluster status` shows how far it is"
                .formatted(
                    now.map(MemberChangeCommand::told).orElse(node + " is no member"),
                    Durations.text(wait)));
      }
      aMoment();
    }
  }

  void print(GroupReplica member) {
    out().line(json() ? StatusJson.member(member).toString() : told(member));
  }

  static String stage(GroupReplica member) {
    return member.getStage().name().toLowerCase(Locale.ROOT);
  }

  /** One line about a member. */
  static String told(GroupReplica member) {
    String name = member.getNode();
    return switch (member.getStage()) {
      case VOTER -> "%s votes as incarnation %d".formatted(name, member.getIncarnation());
      case ANNOUNCED -> name + " may join: start its broker with an empty data folder";
      case JOINING -> "%s joins as incarnation %d".formatted(name, member.getJoiningIncarnation());
      case CATCHING_UP ->
          "%s %s as incarnation %d, its log is on its disk to entry %d"
              .formatted(
                  name,
                  member.getStaysLearner() ? "is a learner" : "catches up",
                  member.getJoiningIncarnation(),
                  member.getDurableIndex());
      case LEAVING -> name + " is being removed";
      case MEMBER_STAGE_UNSPECIFIED, UNRECOGNIZED -> name + " is in a stage unknown here";
    };
  }

  static void checkAddress(String option, String address) {
    try {
      HostPort.parse(address);
    } catch (IllegalArgumentException e) {
      throw CliError.usage(option + " " + address + ": " + e.getMessage());
    }
  }

  static void aMoment() {
    CompletableFuture.runAsync(() -> {}, SOON).join();
  }

  private static boolean votes(Optional<GroupReplica> member) {
    return member.filter(found -> found.getStage() == MemberStage.VOTER).isPresent();
  }

  @Command(
      name = "add",
      description =
          "Lets a replica join a group: it comes as a learner and votes when it has caught up.")
  static final class Add extends MemberChangeCommand {
    @Option(
        names = "--raft",
        required = true,
        paramLabel = "HOST:PORT",
        description = "its raft.advertised")
    String raft;

    @Option(
        names = "--client",
        required = true,
        paramLabel = "HOST:PORT",
        description = "its client.advertised")
    String client;

    @Option(names = "--learner", description = "no vote until `cluster promote`")
    boolean learner;

    @Option(
        names = "--wait",
        paramLabel = "TIME",
        defaultValue = "0s",
        converter = Converters.Length.class,
        description = "until it votes (with --learner: until it gets the log); default: not")
    Duration wait;

    @Override
    public Integer call() {
      checkAddress("--raft", raft);
      checkAddress("--client", client);
      return withCluster(
          cluster -> {
            cluster.brokerGroups().add(brokerGroup.name, node, raft, client, learner);
            await(cluster, wait, this::isDone).ifPresent(this::print);
            return ExitCodes.OK;
          });
    }

    private boolean isDone(Optional<GroupReplica> member) {
      return votes(member)
          || (learner && member.filter(m -> m.getStage() == MemberStage.CATCHING_UP).isPresent());
    }
  }

  @Command(
      name = "remove",
      description = "Takes a replica out of its group; a leader hands over first.")
  static final class Remove extends MemberChangeCommand {
    @Option(
        names = "--force",
        description = "also if too few of the others answer to elect or store anything")
    boolean force;

    @Option(
        names = "--wait",
        paramLabel = "TIME",
        defaultValue = "60s",
        converter = Converters.Length.class,
        description = "until it is out; default 60s")
    Duration wait;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            cluster.brokerGroups().remove(brokerGroup.name, node, force);
            Optional<GroupReplica> left = await(cluster, wait, Optional::isEmpty);
            if (left.isPresent()) {
              print(left.get());
            } else {
              out()
                  .line(
                      json()
                          ? new Json().put("node", node).put("removed", true).toString()
                          : node + " is no member any more: stop its broker");
            }
            return ExitCodes.OK;
          });
    }
  }

  @Command(name = "promote", description = "Lets a learner vote when it has caught up.")
  static final class Promote extends MemberChangeCommand {
    @Option(
        names = "--wait",
        paramLabel = "TIME",
        defaultValue = "60s",
        converter = Converters.Length.class,
        description = "until it votes; default 60s")
    Duration wait;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            cluster.brokerGroups().promote(brokerGroup.name, node);
            await(cluster, wait, MemberChangeCommand::votes).ifPresent(this::print);
            return ExitCodes.OK;
          });
    }
  }
}
