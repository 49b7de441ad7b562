package io.keelmq.client.cli;

import io.keelmq.client.MessagePlace;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.RequestRejected;
import io.keelmq.client.StartAt;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code keelmq dlq}: what consumer groups have given up on. */
@Command(
    name = "dlq",
    description = "Shows the dead letters of a consumer group and sends them again.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {DlqCommand.ListAll.class, DlqCommand.Resend.class})
final class DlqCommand implements Runnable {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final int MAX_POLL = 256;
  private static final long MAX_MESSAGES = 1_000_000;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  @Command(name = "list", description = "Prints dead letters, the oldest first.")
  static final class ListAll extends CliCommand {
    @Parameters(paramLabel = "GROUP")
    String group;

    @Option(
        names = "--max",
        paramLabel = "N",
        defaultValue = "100",
        description = "print so many at the most; default 100")
    long max;

    private long printed;

    @Override
    public Integer call() {
      BenchReport.check("--max", max, 1, MAX_MESSAGES);
      var writer =
          new MessageWriter(out(), json() ? MessageWriter.Form.JSON : MessageWriter.Form.TABLE);
      try {
        return withCluster(
            cluster -> {
              read(
                  this,
                  cluster,
                  group,
                  0,
                  message -> {
                    writer.write(message, source(message));
                    return ++printed < max;
                  });
              return ExitCodes.OK;
            });
      } catch (Output.ReaderGone e) {
        return ExitCodes.OK;
      }
    }
  }

  @Command(
      name = "resend",
      description = {
        "Sends dead letters to the topics they came from, as new messages.",
        "A new message's id is made of the group, the offset and the time of the dead letter: again"
            + " within ten minutes it is no second copy. Dead letters stay where they are."
      })
  static final class Resend extends CliCommand {
    @Parameters(paramLabel = "GROUP")
    String group;

    @Option(
        names = "--offset",
        paramLabel = "A..B",
        description = "only these offsets of the dead letter topic, B with them; A alone is one")
    String offsets;

    @Option(names = "--all", description = "all that are there now")
    boolean all;

    @Option(
        names = "--to",
        paramLabel = "TOPIC",
        converter = Converters.TopicName.class,
        description = "to this topic instead")
    String to;

    @Override
    public Integer call() {
      if (all == (offsets != null)) {
        throw CliError.usage("give --offset A..B, or --all");
      }
      var range =
          all
              ? new Converters.Offsets(0, Long.MAX_VALUE)
              : Converters.Offsets.parse("--offset", offsets);
      return withCluster(
          cluster -> {
            var resending = new Resending(group, Optional.ofNullable(to), cluster);
            try {
              read(
                  this,
                  cluster,
                  group,
                  range.from(),
                  message ->
                      message.offset() <= range.to()
                          && resending.send(message)
                          && message.offset() < range.to());
            } finally {
              resending.finish(root().timeout);
            }
            out().line(json() ? resending.json().toString() : resending.text());
            return end(resending);
          });
    }

    private int end(Resending resending) {
      Optional<Throwable> failure = resending.firstFailure();
      if (failure.isEmpty()) {
        return ExitCodes.OK;
      }
      throw new CliError(
          Failures.exitCode(failure.get()),
          Failures.code(failure.get()),
          "%d dead letters were not sent again, the first at offset %d because: %s"
              .formatted(
                  resending.failed(),
                  resending.firstFailedOffset(),
                  Failures.line(failure.get(), root().endpoints())),
          failure.get());
    }
  }

  /**
   * Reads what is there now.
   *
   * @param each false: that was the last one
   */
  private static void read(
      CliCommand command, Cluster cluster, String group, long from, Predicate<ReadMessage> each) {
    String topic = "%DLQ%" + group;
    StartAt start = from == 0 ? StartAt.earliest() : StartAt.offset(from);
    var options = new Cluster.SourceOptions(topic, List.of(0), start, false, MAX_POLL);
    Cluster.Source source;
    try {
      source = cluster.openSource(options);
    } catch (RequestRejected e) {
      if (e.code() != Code.TOPIC_NOT_FOUND) {
        throw e;
      }
      // Made with the first dead letter. A group that does not exist is another matter, and told.
      cluster.consumerGroups().describe(group);
      return;
    }
    try (source) {
      while (!command.console().stop().requested()) {
        List<ReadMessage> messages = source.poll(POLL);
        if (messages.isEmpty() && source.atEnd()) {
          return;
        }
        for (ReadMessage message : messages) {
          if (!each.test(message)) {
            return;
          }
        }
      }
    }
  }

  private static MessageWriter.Extra source(ReadMessage message) {
    Optional<MessagePlace> source = message.source();
    String cell =
        source.map(place -> name(place) + "/" + place.queue() + "@" + place.offset()).orElse("-");
    return new MessageWriter.Extra(
        "SOURCE",
        20,
        cell,
        json -> {
          if (source.isPresent()) {
            json.put("source_topic", source.get().topic())
                .put("source_queue", source.get().queue())
                .put("source_offset", source.get().offset());
          } else {
            json.putNull("source_topic").putNull("source_queue").putNull("source_offset");
          }
        });
  }

  private static String name(MessagePlace place) {
    return place.topic().isEmpty() ? "(deleted)" : place.topic();
  }
}
