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

/** {@code keelmq group}: consumer groups, of both kinds. */
@Command(
    name = "group",
    description = "Makes, shows and moves consumer groups.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      GroupCommand.Create.class,
      GroupCommand.ListAll.class,
      GroupCommand.Describe.class,
      GroupCommand.Lag.class,
      GroupCommand.Reset.class,
      GroupCommand.Delete.class,
    })
final class GroupCommand implements Runnable {
  private static final int MAX_ATTEMPTS = 1_000;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  /** The kinds as users write them. */
  enum Kind {
    LEASE(ConsumerGroupKind.LEASE),
    OFFSET(ConsumerGroupKind.OFFSET);

    final ConsumerGroupKind value;

    Kind(ConsumerGroupKind value) {
      this.value = value;
    }
  }

  /** Where a lease group begins in a topic. */
  enum Begin {
    EARLIEST,
    LATEST
  }

  @Command(
      name = "create",
      description = "Makes a consumer group; again with the same settings is fine.")
  static final class Create extends CliCommand {
    @Parameters(paramLabel = "NAME")
    String name;

    @Option(
        names = "--kind",
        paramLabel = "KIND",
        defaultValue = "offset",
        description =
            "offset (default): consumers keep their place; lease: the broker hands out messages one"
                + " by one")
    Kind kind;

    @Option(
        names = "--fifo",
        description = "kind lease: messages of one message group are delivered one after the other")
    boolean fifo;

    @Option(
        names = "--max-attempts",
        paramLabel = "N",
        description =
            "kind lease: deliveries before a message goes to %%DLQ%%NAME, 1 to 1000; default 17")
    Integer maxAttempts;

    @Option(
        names = "--from",
        paramLabel = "PLACE",
        description = "kind lease: where it begins in a topic, earliest (default) or latest")
    Begin from;

    @Override
    public Integer call() {
      if (kind == Kind.OFFSET && (fifo || maxAttempts != null || from != null)) {
        throw CliError.usage(
            "--fifo, --max-attempts and --from are of lease groups: add --kind lease");
      }
      if (maxAttempts != null) {
        BenchReport.check("--max-attempts", maxAttempts, 1, MAX_ATTEMPTS);
      }
      var wanted =
          ConsumerGroup.newBuilder()
              .setConsumerGroup(name)
              .setKind(kind.value)
              .setFifo(fifo)
              .setMaxAttempts(maxAttempts == null ? 0 : maxAttempts)
              .setFromLatest(from == Begin.LATEST)
              .build();
      return withCluster(cluster -> print(this, List.of(cluster.consumerGroups().create(wanted))));
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
              out()
                  .line(
                      GroupProgress.queues(
                              toJson(description.getConsumerGroup()),
                              description,
                              description.getQueuesList())
                          .toString());
              return ExitCodes.OK;
            }
            print(this, List.of(description.getConsumerGroup()));
            out().line("");
            GroupProgress.table(description, description.getQueuesList()).print(out());
            return ExitCodes.OK;
          });
    }
  }

  @Command(name = "lag", description = "Shows how many messages a consumer group has before it.")
  static final class Lag extends CliCommand {
    @Parameters(paramLabel = "NAME")
    String name;

    @Option(
        names = "--topic",
        paramLabel = "TOPIC",
        converter = Converters.TopicName.class,
        description = "only this topic")
    String topic;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            ConsumerGroupDescription description = cluster.consumerGroups().describe(name);
            List<QueueProgress> queues =
                description.getQueuesList().stream()
                    .filter(queue -> topic == null || queue.getTopic().equals(topic))
                    .toList();
            long lag =
                queues.stream().mapToLong(queue -> GroupProgress.lag(description, queue)).sum();
            if (json()) {
              var object = toJson(description.getConsumerGroup()).put("lag", lag);
              out().line(GroupProgress.queues(object, description, queues).toString());
              return ExitCodes.OK;
            }
            GroupProgress.table(description, queues).print(out());
            out().line("lag %,d".formatted(lag));
            return ExitCodes.OK;
          });
    }
  }

  @Command(
      name = "reset",
      aliases = "seek",
      description = {
        "Moves a consumer group in a topic, back too.",
        "Of a lease group, what is leased, waiting or held back in these queues is forgotten."
      })
  static final class Reset extends CliCommand {
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
    var table = new Table("GROUP", "KIND", "FIFO", "MAX_ATTEMPTS", "FROM");
    for (ConsumerGroup group : groups) {
      if (group.getKind() == ConsumerGroupKind.LEASE) {
        table.row(
            group.getConsumerGroup(),
            kind(group),
            group.getFifo() ? "yes" : "no",
            group.getMaxAttempts(),
            from(group));
      } else {
        table.row(group.getConsumerGroup(), kind(group), "-", "-", "-");
      }
    }
    table.print(command.out());
    return ExitCodes.OK;
  }

  private static Json toJson(ConsumerGroup group) {
    var json = new Json().put("consumer_group", group.getConsumerGroup()).put("kind", kind(group));
    return group.getKind() == ConsumerGroupKind.LEASE
        ? json.put("fifo", group.getFifo())
            .put("max_attempts", group.getMaxAttempts())
            .put("from", from(group))
        : json.putNull("fifo").putNull("max_attempts").putNull("from");
  }

  private static String kind(ConsumerGroup group) {
    return group.getKind().name().toLowerCase(Locale.ROOT);
  }

  private static String from(ConsumerGroup group) {
    return group.getFromLatest() ? "latest" : "earliest";
  }
}
