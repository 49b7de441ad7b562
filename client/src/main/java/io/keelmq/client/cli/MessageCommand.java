package io.keelmq.client.cli;

import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.StartAt;
import io.keelmq.common.Json;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code keelmq message}: looks for messages. */
@Command(
    name = "message",
    description = "Finds stored messages.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {MessageCommand.Get.class, MessageCommand.Query.class})
final class MessageCommand implements Runnable {
  private static final Duration POLL = Duration.ofMillis(200);

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  @Command(name = "get", description = "Prints the message at a place.")
  static final class Get extends CliCommand {
    @Parameters(index = "0", paramLabel = "TOPIC", converter = Converters.TopicName.class)
    String topic;

    @Parameters(index = "1", paramLabel = "QUEUE")
    int queue;

    @Parameters(index = "2", paramLabel = "OFFSET")
    long offset;

    @Override
    public Integer call() {
      if (queue < 0 || offset < 0) {
        throw CliError.usage("queues and offsets count from 0");
      }
      return withCluster(
          cluster -> {
            var options =
                new Cluster.SourceOptions(topic, List.of(queue), StartAt.offset(offset), false, 1);
            try (Cluster.Source source = cluster.openSource(options)) {
              while (!console().stop().requested()) {
                List<ReadMessage> messages = source.poll(POLL);
                if (!messages.isEmpty()) {
                  writer(this).write(messages.get(0));
                  return ExitCodes.OK;
                }
                if (source.atEnd()) {
                  break;
                }
              }
            }
            throw new CliError(
                ExitCodes.PRECONDITION,
                "OFFSET_OUT_OF_RANGE",
                "topic %s queue %d has no message at %d yet: `keelmq topic describe %s` shows its offsets"
                    .formatted(topic, queue, offset, topic));
          });
    }
  }

  @Command(
      name = "query",
      description = {
        "Prints the messages of a time that fit, and how many were looked at.",
        "It reads all messages of that time: there is no index."
      })
  static final class Query extends CliCommand {
    private static final int MAX_POLL = 1_024;
    private static final long MAX_MESSAGES = 1_000_000;

    @Parameters(paramLabel = "TOPIC", converter = Converters.TopicName.class)
    String topic;

    @Option(names = "--id", paramLabel = "ID", description = "with this message id")
    String id;

    @Option(names = "--key", paramLabel = "KEY", description = "with this key")
    String key;

    @Option(names = "--tag", paramLabel = "TAG", description = "with this tag")
    String tag;

    @Option(
        names = "--begin",
        paramLabel = "TIME",
        description =
            "stored at or after this, e.g. 2026-01-31T12:00:00Z or -5m; default: the beginning")
    String begin;

    @Option(
        names = "--end",
        paramLabel = "TIME",
        description = "stored before this; default: what is stored now")
    String end;

    @Option(
        names = "--max",
        paramLabel = "N",
        defaultValue = "32",
        description = "end after so many that fit; default 32")
    long max;

    @Option(
        names = "--scan",
        paramLabel = "N",
        defaultValue = "1000000",
        description = "look at so many at the most; default 1000000")
    long scan;

    private long lookedAt;
    private long found;
    private long trimmed;

    @Override
    public Integer call() {
      BenchReport.check("--max", max, 1, MAX_MESSAGES);
      BenchReport.check("--scan", scan, 1, Long.MAX_VALUE);
      StartAt from =
          begin == null
              ? StartAt.earliest()
              : StartAt.time(Converters.instant("--begin", begin, console().clock()));
      Instant until =
          end == null ? Instant.MAX : Converters.instant("--end", end, console().clock());
      return withCluster(
          cluster -> {
            boolean complete = look(cluster, from, until);
            if (json()) {
              out()
                  .line(
                      new Json()
                          .put("looked_at", lookedAt)
                          .put("found", found)
                          .put("complete", complete)
                          .put("trimmed", trimmed)
                          .toString());
            } else {
              out()
                  .line(
                      "looked at %,d messages, %,d fit%s"
                          .formatted(
                              lookedAt,
                              found,
                              complete ? "" : "; there are more that it did not look at"));
            }
            return ExitCodes.OK;
          });
    }

    /** True when every message of the time was looked at. */
    private boolean look(Cluster cluster, StartAt from, Instant until) {
      int queues = cluster.topics().describe(topic).getTopic().getQueues();
      Set<Integer> past = new HashSet<>();
      MessageWriter writer = writer(this);
      var options = new Cluster.SourceOptions(topic, List.of(), from, false, MAX_POLL);
      try (Cluster.Source source = cluster.openSource(options)) {
        while (past.size() < queues) {
          if (console().stop().requested()) {
            return false;
          }
          List<ReadMessage> messages;
          try {
            messages = source.poll(POLL);
          } catch (MessagesTrimmed e) {
            trimmed += e.toOffset() - e.fromOffset();
            continue;
          }
          if (messages.isEmpty() && source.atEnd()) {
            return true;
          }
          for (ReadMessage message : messages) {
            if (past.size() == queues) {
              return true;
            }
            if (found >= max || lookedAt >= scan) {
              return false;
            }
            lookedAt++;
            if (!message.storeTime().isBefore(until)) {
              // Times of a queue rise.
              past.add(message.queue());
            } else if (fits(message)) {
              found++;
              writer.write(message);
            }
          }
        }
      }
      return true;
    }

    private boolean fits(ReadMessage message) {
      return (id == null || message.messageId().equals(id))
          && (key == null || message.keys().contains(key))
          && (tag == null || message.tag().equals(tag));
    }
  }

  private static MessageWriter writer(CliCommand command) {
    return new MessageWriter(
        command.out(), command.json() ? MessageWriter.Form.JSON : MessageWriter.Form.TABLE);
  }
}
