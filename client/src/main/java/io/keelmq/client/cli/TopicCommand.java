package io.keelmq.client.cli;

import io.keelmq.common.Json;
import io.keelmq.v1.QueueState;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicDescription;
import io.keelmq.v1.TopicType;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code keelmq topic}. */
@Command(
    name = "topic",
    description = "Makes, shows and changes topics.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      TopicCommand.Create.class,
      TopicCommand.ListAll.class,
      TopicCommand.Describe.class,
      TopicCommand.Alter.class,
      TopicCommand.Delete.class,
    })
final class TopicCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  /** The types as users write them. */
  enum Type {
    NORMAL(TopicType.NORMAL),
    FIFO(TopicType.FIFO),
    DELAY(TopicType.DELAY),
    TRANSACTION(TopicType.TRANSACTION),
    PRIORITY(TopicType.PRIORITY);

    final TopicType value;

    Type(TopicType value) {
      this.value = value;
    }
  }

  @Command(name = "create", description = "Makes a topic; again with the same settings is fine.")
  static final class Create extends CliCommand {
    @Parameters(paramLabel = "NAME", converter = Converters.TopicName.class)
    String name;

    @Option(
        names = "--queues",
        paramLabel = "N",
        defaultValue = "4",
        description = "1 to 1024; default 4. Queues can be added later, never taken away")
    int queues;

    @Option(
        names = "--type",
        paramLabel = "TYPE",
        defaultValue = "normal",
        description = "normal (default), fifo, delay, transaction or priority")
    Type type;

    @Option(
        names = "--retention",
        paramLabel = "TIME",
        defaultValue = "forever",
        converter = Converters.Retention.class,
        description = "how long messages can be read, e.g. 12h, 7d, forever (default)")
    Duration retention;

    @Option(
        names = "--retention-bytes",
        paramLabel = "SIZE",
        defaultValue = "unlimited",
        converter = Converters.Size.class,
        description = "what each queue keeps at most, e.g. 512MiB, 10GiB, unlimited (default)")
    long retentionBytes;

    @Override
    public Integer call() {
      checkQueues(queues);
      var wanted =
          Topic.newBuilder()
              .setTopic(name)
              .setType(type.value)
              .setQueues(queues)
              .setRetentionMillis(retention.toMillis())
              .setRetentionBytes(retentionBytes)
              .build();
      return withCluster(cluster -> print(this, List.of(cluster.topics().create(wanted))));
    }
  }

  @Command(name = "list", description = "Lists all topics.")
  static final class ListAll extends CliCommand {
    @Override
    public Integer call() {
      return withCluster(cluster -> print(this, cluster.topics().list()));
    }
  }

  @Command(name = "describe", description = "Shows a topic and the offsets of its queues.")
  static final class Describe extends CliCommand {
    @Parameters(paramLabel = "NAME", converter = Converters.TopicName.class)
    String name;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            TopicDescription description = cluster.topics().describe(name);
            if (json()) {
              out().line(toJson(description).toString());
              return ExitCodes.OK;
            }
            print(this, List.of(description.getTopic()));
            out().line("");
            var table = new Table("QUEUE", "GROUP", "FIRST", "END", "MESSAGES");
            for (QueueState queue : description.getQueuesList()) {
              table.row(
                  queue.getQueue(),
                  queue.getBrokerGroup(),
                  queue.getFirstOffset(),
                  queue.getEndOffset(),
                  queue.getEndOffset() - queue.getFirstOffset());
            }
            table.print(out());
            return ExitCodes.OK;
          });
    }
  }

  @Command(name = "alter", description = "Adds queues to a topic or changes its retention.")
  static final class Alter extends CliCommand {
    @Parameters(paramLabel = "NAME", converter = Converters.TopicName.class)
    String name;

    @Option(names = "--queues", paramLabel = "N", description = "as many as now, or more")
    Integer queues;

    @Option(
        names = "--retention",
        paramLabel = "TIME",
        converter = Converters.Retention.class,
        description = "e.g. 12h, 7d, forever")
    Duration retention;

    @Option(
        names = "--retention-bytes",
        paramLabel = "SIZE",
        converter = Converters.Size.class,
        description = "what each queue keeps at most, e.g. 512MiB, 10GiB, unlimited")
    Long retentionBytes;

    @Override
    public Integer call() {
      if (queues == null && retention == null && retentionBytes == null) {
        throw CliError.usage(
            "nothing to alter: give --queues, --retention, --retention-bytes or several of them");
      }
      if (queues != null) {
        checkQueues(queues);
      }
      var wanted = queues == null ? OptionalInt.empty() : OptionalInt.of(queues);
      var bytes = retentionBytes == null ? OptionalLong.empty() : OptionalLong.of(retentionBytes);
      return withCluster(
          cluster ->
              print(
                  this,
                  List.of(
                      cluster
                          .topics()
                          .alter(name, wanted, Optional.ofNullable(retention), bytes))));
    }
  }

  @Command(name = "delete", description = "Deletes a topic and all its messages.")
  static final class Delete extends CliCommand {
    @Parameters(paramLabel = "NAME", converter = Converters.TopicName.class)
    String name;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            cluster.topics().delete(name);
            out()
                .line(
                    json()
                        ? new Json().put("topic", name).put("deleted", true).toString()
                        : "deleted " + name);
            return ExitCodes.OK;
          });
    }
  }

  private static void checkQueues(int queues) {
    if (queues < 1 || queues > 1_024) {
      throw CliError.usage("--queues " + queues + ": a topic has 1 to 1024 queues");
    }
  }

  private static int print(CliCommand command, List<Topic> topics) {
    if (command.json()) {
      topics.forEach(topic -> command.out().line(toJson(topic).toString()));
      return ExitCodes.OK;
    }
    var table = new Table("TOPIC", "TYPE", "QUEUES", "RETENTION", "QUEUE-BYTES");
    for (Topic topic : topics) {
      table.row(
          topic.getTopic(),
          type(topic),
          topic.getQueues(),
          retention(topic.getRetentionMillis()),
          topic.getRetentionBytes() == 0 ? "unlimited" : topic.getRetentionBytes());
    }
    table.print(command.out());
    return ExitCodes.OK;
  }

  private static Json toJson(Topic topic) {
    return new Json()
        .put("topic", topic.getTopic())
        .put("type", type(topic))
        .put("queues", topic.getQueues())
        .put("retention_ms", topic.getRetentionMillis())
        .put("retention_bytes", topic.getRetentionBytes());
  }

  private static Json toJson(TopicDescription description) {
    return toJson(description.getTopic())
        .putObjects(
            "queue_states",
            description.getQueuesList().stream()
                .map(
                    queue ->
                        new Json()
                            .put("queue", queue.getQueue())
                            .put("broker_group", queue.getBrokerGroup())
                            .put("first_offset", queue.getFirstOffset())
                            .put("end_offset", queue.getEndOffset()))
                .toList());
  }

  private static String type(Topic topic) {
    return topic.getType().name().toLowerCase(Locale.ROOT);
  }

  private static String retention(long millis) {
    if (millis == 0) {
      return "forever";
    }
    var time = Duration.ofMillis(millis);
    if (time.equals(Duration.ofDays(time.toDays()))) {
      return time.toDays() + "d";
    }
    if (time.equals(Duration.ofHours(time.toHours()))) {
      return time.toHours() + "h";
    }
    return time.equals(Duration.ofSeconds(time.toSeconds()))
        ? time.toSeconds() + "s"
        : millis + "ms";
  }
}
