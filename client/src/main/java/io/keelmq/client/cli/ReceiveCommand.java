package io.keelmq.client.cli;

import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.ReadMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code keelmq receive}. */
@Command(
    name = "receive",
    description = {
      "Takes messages for a consumer group of kind lease, prints them, and acknowledges what was"
          + " printed."
    })
final class ReceiveCommand extends CliCommand {
  private static final int MAX_MESSAGES = 10_000;

  /** How long a stop may go unseen. */
  private static final Duration POLL = Duration.ofMillis(200);

  @Option(
      names = "--topic",
      paramLabel = "TOPIC",
      required = true,
      converter = Converters.TopicName.class)
  String topic;

  @Option(
      names = "--group",
      paramLabel = "GROUP",
      required = true,
      description = "made with its defaults if it is missing")
  String group;

  @Option(
      names = "--max",
      paramLabel = "N",
      defaultValue = "1",
      description = "end after so many messages, 1 to 10000; default 1")
  int max;

  @Option(
      names = "--wait",
      paramLabel = "TIME",
      defaultValue = "20s",
      converter = Converters.Length.class,
      description = "end after so long with what there was; default 20s")
  Duration wait;

  @Option(
      names = "--no-ack",
      description =
          "acknowledge nothing: the messages come again a second or so after the command has ended,"
              + " and it counts as an attempt")
  boolean noAck;

  @Option(
      names = "--tags",
      paramLabel = "A||B",
      defaultValue = "",
      description =
          "only messages with one of these tags; the others count as consumed by the group")
  String tags;

  @Option(names = "--raw", description = "print bodies alone, one a line")
  boolean raw;

  @Override
  public Integer call() {
    BenchReport.check("--max", max, 1, MAX_MESSAGES);
    BenchReport.checkTime("--wait", wait);
    if (raw && json()) {
      throw CliError.usage("--raw prints bodies alone: leave out -o json");
    }
    var form =
        raw ? MessageWriter.Form.RAW : json() ? MessageWriter.Form.JSON : MessageWriter.Form.TABLE;
    return withCluster(
        cluster -> {
          // No more is leased than will be printed, as far as the broker can know.
          var options = new Cluster.ReceiverOptions(group, topic, tags, max);
          try (Cluster.Receiver receiver = cluster.openReceiver(options, this::lost)) {
            try {
              receive(receiver, new MessageWriter(out(), form));
            } catch (Output.ReaderGone e) {
              // As with `| head -1`: what nobody read is not acknowledged, and goes back.
              return ExitCodes.OK;
            } finally {
              if (noAck) {
                receiver.abandon();
              }
            }
          }
          return ExitCodes.OK;
        });
  }

  private void lost(MessagesTrimmed range) {
    root().tell(Failures.oneLine(range.getMessage()), range.code().name());
  }

  private void receive(Cluster.Receiver receiver, MessageWriter writer) {
    long deadline = System.nanoTime() + wait.toNanos();
    var acks = new ArrayList<CompletableFuture<Void>>();
    int left = max;
    boolean timeLeft = true;
    while (left > 0 && timeLeft && !console().stop().requested()) {
      Duration rest = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
      timeLeft = !rest.isZero();
      List<Cluster.Leased> batch = receiver.receive(left, rest.compareTo(POLL) < 0 ? rest : POLL);
      for (Cluster.Leased each : batch) {
        write(writer, each);
      }
      // Printed first, acknowledged then: a message may be printed again, none is left out.
      out().flush();
      if (!noAck) {
        batch.forEach(each -> acks.add(each.ack()));
      }
      left -= batch.size();
    }
    await(acks);
  }

  private void write(MessageWriter writer, Cluster.Leased leased) {
    ReadMessage message = leased.message();
    writer.write(
        message,
        new MessageWriter.Extra(
            "ATTEMPT",
            7,
            Integer.toString(leased.attempt()),
            json -> json.put("consumer_group", group).put("attempt", leased.attempt())));
  }

  private void await(List<CompletableFuture<Void>> acks) {
    int failed = 0;
    Throwable first = null;
    long deadline = System.nanoTime() + root().timeout.toNanos();
    for (CompletableFuture<Void> ack : acks) {
      try {
        ack.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
      } catch (ExecutionException e) {
        failed++;
        first = first == null ? e.getCause() : first;
      } catch (TimeoutException e) {
        throw new CliError(
            ExitCodes.UNAVAILABLE,
            "OUTCOME_UNKNOWN",
            "printed messages were not acknowledged in time, and may come again: see `keelmq cluster"
                + " status`",
            e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
    if (first != null) {
      throw new CliError(
          Failures.exitCode(first),
          Failures.code(first),
          "%d printed messages were not acknowledged and may come again, the first because: %s"
              .formatted(failed, Failures.line(first, root().endpoints())),
          first);
    }
  }
}
