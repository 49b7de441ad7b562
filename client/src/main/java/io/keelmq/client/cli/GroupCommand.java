package io.keelmq.client.cli;

import io.keelmq.client.CommittedOffsets;
import io.keelmq.client.StartAt;
import io.keelmq.common.Json;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.QueueProgress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code keelmq group}: consumer groups that keep their place by committing offsets. */
@Command(
    name = "group",
    description = "Makes, shows and moves consumer groups.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      GroupCommand.Create.class,
      GroupCommand.ListAll.class,
      GroupCommand.Describe.class,
      GroupCommand.Seek.class,
      GroupCommand.Delete.class,
    })
final class GroupCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  @Command(name = "create", description = "Makes a consumer group of kind offset.")
  static final class Create extends CliCommand {
    @Parameters(paramLabel = "NAME")
    String name;

    @Override
    public Integer call() {
      return withCluster(
          cluster ->
              print(
                  this, List.of(cluster.consumerGroups().create(name, ConsumerGroupKind.OFFSET))));
    }
  }

  @Command(name = "list", description = "Lists all consumer groups.")
  static final class ListAll extends CliCommand {
    @Override
    public Integer call() {
      return withCluster(cluster -> print(this, cluster.consumerGroups().list()));
    }
  }

  @Command(name = "describe", description = "Shows how far a consumer group has come.")
  static final class Describe extends CliCommand {
    @Parameters(paramLabel = "NAME")
    String name;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            ConsumerGroupDescription description = cluster.consumerGroups().describe(name);
            if (json()) {
              out().line(toJson(description).toString());
              return ExitCodes.OK;
            }
            print(this, List.of(description.getConsumerGroup()));
            out().line("");
            var table = new Table("TOPIC", "QUEUE", "COMMITTED", "END", "LAG", "EPOCH");
            for (QueueProgress queue : description.getQueuesList()) {
              table.row(
                  queue.getTopic(),
                  queue.getQueue(),
                  queue.getCommittedOffset(),
                  queue.getEndOffset(),
                  lag(queue),
                  queue.getEpoch());
            }
            table.print(out());
            return ExitCodes.OK;
          });
    }
  }

  @Command(name = "seek", description = "Moves a consumer group in a topic, back too.")
  static final class Seek extends CliCommand {
    @Parameters(paramLabel = "NAME")
    String name;

    @Option(
        names = "--topic",
        paramLabel = "TOPIC",
        required = true,
        converter = Converters.TopicName.class)
    String topic;

    @Option(
        names = "--to",
        paramLabel = "PLACE",
        required = true,
        description = "earliest, latest, an offset, a time like 2026-01-31T12:00:00Z, or -5m")
    String to;

    @Option(
        names = "--queue",
        paramLabel = "N",
        description = "only this queue; may be repeated; default: all")
    List<Integer> queues = new ArrayList<>();

    @Override
    public Integer call() {
      StartAt place = Converters.startAt("--to", to, console().clock());
      return withCluster(
          cluster -> {
            CommittedOffsets now = cluster.consumerGroups().seek(name, topic, queues, place);
            if (json()) {
              var states = new ArrayList<Json>();
              now.offsets()
                  .forEach(
                      (queue, offset) ->
                          states.add(
                              new Json().put("queue", queue).put("committed_offset", offset)));
              out()
                  .line(
                      new Json()
                          .put("consumer_group", name)
                          .put("topic", topic)
                          .put("epoch", now.epoch())
                          .putObjects("queues", states)
                          .toString());
              return ExitCodes.OK;
            }
            var table = new Table("TOPIC", "QUEUE", "COMMITTED", "EPOCH");
            now.offsets().forEach((queue, offset) -> table.row(topic, queue, offset, now.epoch()));
            table.print(out());
            return ExitCodes.OK;
          });
    }
  }

  @Command(name = "delete", description = "Deletes a consumer group and its offsets.")
  static final class Delete extends CliCommand {
    @Parameters(paramLabel = "NAME")
    String name;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            cluster.consumerGroups().delete(name);
            out()
                .line(
                    json()
                        ? new Json().put("consumer_group", name).put("deleted", true).toString()
                        : "deleted " + name);
            return ExitCodes.OK;
          });
    }
  }

  private static int print(CliCommand command, List<ConsumerGroup> groups) {
    if (command.json()) {
      groups.forEach(group -> command.out().line(toJson(group).toString()));
      return ExitCodes.OK;
    }
    var table = new Table("GROUP", "KIND");
    groups.forEach(group -> table.row(group.getConsumerGroup(), kind(group)));
    table.print(command.out());
    return ExitCodes.OK;
  }

  private static Json toJson(ConsumerGroup group) {
    return new Json().put("consumer_group", group.getConsumerGroup()).put("kind", kind(group));
  }

  private static Json toJson(ConsumerGroupDescription description) {
    return toJson(description.getConsumerGroup())
        .putObjects(
            "queues",
            description.getQueuesList().stream()
                .map(
                    queue ->
                        new Json()
                            .put("topic", queue.getTopic())
                            .put("queue", queue.getQueue())
                            .put("committed_offset", queue.getCommittedOffset())
                            .put("end_offset", queue.getEndOffset())
                            .put("lag", lag(queue))
                            .put("epoch", queue.getEpoch()))
                .toList());
  }

  private static long lag(QueueProgress queue) {
    return Math.max(0, queue.getEndOffset() - queue.getCommittedOffset());
  }

  private static String kind(ConsumerGroup group) {
    return group.getKind().name().toLowerCase(Locale.ROOT);
  }
}
