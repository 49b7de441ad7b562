package io.keelmq.client.cli;

import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.StartAt;
import io.keelmq.client.Unavailable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code keelmq read}. */
@Command(
    name = "read",
    description = "Prints the messages of a topic; each queue's in the order of their offsets.")
final class ReadCommand extends CliCommand {
  private static final int MAX_POLL = 1_024;

  /** How long a stop may go unseen. */
  private static final Duration POLL = Duration.ofMillis(200);

  private static final Duration COMMIT_EVERY = Duration.ofSeconds(1);

  @Option(
      names = "--topic",
      paramLabel = "TOPIC",
      required = true,
      converter = Converters.TopicName.class)
  String topic;

  @Option(
      names = "--from",
      paramLabel = "PLACE",
      description =
          "earliest (default), latest, an offset, a time like 2026-01-31T12:00:00Z, or -5m for five"
              + " minutes ago")
  String from;

  @Option(
      names = "--queue",
      paramLabel = "N",
      description = "only this queue; may be repeated; default: all")
  List<Integer> queues = new ArrayList<>();

  @Option(names = "--max", paramLabel = "N", description = "end after so many messages")
  Long max;

  @Option(names = "--follow", description = "wait at the end for more; Ctrl-C ends it")
  boolean follow;

  @Option(
      names = "--group",
      paramLabel = "GROUP",
      description = "go on where this consumer group is, and commit what was printed")
  String group;

  @Option(names = "--raw", description = "print bodies alone, one a line")
  boolean raw;

  private boolean toldUnavailable;

  @Override
  public Integer call() {
    if (max != null && max < 1) {
      throw CliError.usage("--max " + max + ": give a number of at least 1");
    }
    if (raw && json()) {
      throw CliError.usage("--raw prints bodies alone: leave out -o json");
    }
    for (int queue : queues) {
      if (queue < 0) {
        throw CliError.usage("--queue " + queue + ": queues count from 0");
      }
    }
    StartAt place =
        from == null ? StartAt.earliest() : Converters.startAt("--from", from, console().clock());
    StartAt start = group == null ? place : StartAt.committed(group, place);
    // A commit covers all that was polled, so with a limit no poll may go beyond it.
    int maxPoll = group != null && max != null ? 1 : MAX_POLL;
    var form =
        raw ? MessageWriter.Form.RAW : json() ? MessageWriter.Form.JSON : MessageWriter.Form.TABLE;
    try {
      return withCluster(
          cluster -> {
            var options = new Cluster.SourceOptions(topic, queues, start, follow, maxPoll);
            try (Cluster.Source source = cluster.openSource(options)) {
              read(source, new MessageWriter(out(), form));
            }
            return ExitCodes.OK;
          });
    } catch (Output.ReaderGone e) {
      // As with `| head -1`: it has what it wanted.
      return ExitCodes.OK;
    }
  }

  private void read(Cluster.Source source, MessageWriter writer) {
    long left = max == null ? Long.MAX_VALUE : max;
    boolean uncommitted = false;
    Instant committedAt = console().clock().instant();
    while (left > 0 && !console().stop().requested()) {
      List<ReadMessage> messages = poll(source);
      if (messages.isEmpty() && source.atEnd()) {
        break;
      }
      for (ReadMessage message : messages) {
        if (left == 0) {
          break;
        }
        writer.write(message);
        left--;
        uncommitted = true;
      }
      if (follow) {
        // Somebody waits for it; what a poll gave is one block.
        out().flush();
      }
      Instant now = console().clock().instant();
      if (uncommitted && group != null && !now.isBefore(committedAt.plus(COMMIT_EVERY))) {
        commit(source);
        uncommitted = false;
        committedAt = now;
      }
    }
    out().flush();
    if (uncommitted && group != null) {
      commit(source);
    }
  }

  private List<ReadMessage> poll(Cluster.Source source) {
    try {
      List<ReadMessage> messages = source.poll(POLL);
      if (!messages.isEmpty()) {
        toldUnavailable = false;
      }
      return messages;
    } catch (MessagesTrimmed e) {
      root().tell(Failures.oneLine(e.getMessage()), e.code().name());
      return List.of();
    } catch (Unavailable e) {
      if (!follow) {
        throw e;
      }
      if (!toldUnavailable) {
        toldUnavailable = true;
        String line = Failures.oneLine(e.getMessage()) + ": waiting for the cluster to come back";
        root().tell(line, e.code().name());
      }
      return List.of();
    }
  }

  /** Printed first, committed then: a message may be printed again, none is left out. */
  private void commit(Cluster.Source source) {
    out().flush();
    source.commit(group);
  }
}
