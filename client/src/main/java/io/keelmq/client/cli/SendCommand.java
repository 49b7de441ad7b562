package io.keelmq.client.cli;

import io.keelmq.client.KeelException;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Receipt;
import io.keelmq.common.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code keelmq send}. */
@Command(
    name = "send",
    description = {
      "Sends the argument, a file, or each line of standard input as a message, and prints where"
          + " each one is stored."
    })
final class SendCommand extends CliCommand {
  /** Unsettled messages in memory, however many lines come. */
  private static final long BUFFER_BYTES = 32L << 20;

  private static final int MAX_FILE_BYTES = 4 << 20;

  /** After Ctrl-C, for the receipts of what was sent. */
  private static final long STOP_MILLIS = 2_000;

  @Parameters(paramLabel = "BODY", arity = "0..1", description = "default: standard input")
  String body;

  @Option(
      names = "--topic",
      paramLabel = "TOPIC",
      required = true,
      converter = Converters.TopicName.class)
  String topic;

  @Option(names = "--file", paramLabel = "FILE", description = "sends its bytes as one message")
  Path file;

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description = "to find the message by, up to 16; the first one chooses the queue")
  List<String> keys = new ArrayList<>();

  @Option(
      names = "--key-separator",
      paramLabel = "TEXT",
      description = "what each line has before this is its key; \\t is a tab")
  String keySeparator;

  @Option(names = "--tag", paramLabel = "TAG", description = "one word to filter by")
  String tag;

  @Option(names = "--property", paramLabel = "NAME=VALUE", description = "may be repeated")
  Map<String, String> properties = new LinkedHashMap<>();

  @Option(
      names = "--message-group",
      paramLabel = "NAME",
      description = "messages of one message group keep their order")
  String messageGroup;

  @Option(names = "--queue", paramLabel = "N", description = "this queue and no other, from 0")
  Integer queue;

  @Option(
      names = "--priority",
      paramLabel = "N",
      description = "from 0, higher is delivered first; for topics of type priority")
  Integer priority;

  /** When messages get their place. */
  static final class When {
    @Option(
        names = "--delay",
        paramLabel = "TIME",
        converter = Converters.Length.class,
        description = "nobody sees the message for so long; for topics of type delay")
    Duration delay;

    @Option(
        names = "--at",
        paramLabel = "TIME",
        description = "nobody sees the message before, e.g. 2026-01-31T12:00:00Z")
    String at;

    @Option(
        names = "--half",
        description = "nobody sees the message until `tx resolve`; for topics of type transaction")
    boolean half;
  }

  @ArgGroup(multiplicity = "0..1")
  When when = new When();

  /** What becomes of half messages once they are stored. */
  static final class Decision {
    @Option(names = "--commit", description = "with --half: commits what was stored")
    boolean commit;

    @Option(names = "--rollback", description = "with --half: rolls back what was stored")
    boolean rollback;
  }

  @ArgGroup(multiplicity = "0..1")
  Decision decision = new Decision();

  @Option(
      names = {"-q", "--quiet"},
      description = "print counts, not receipts")
  boolean quiet;

  /** Null: at once, or after a delay. */
  private Instant deliverAt;

  private final AtomicBoolean headPrinted = new AtomicBoolean();

  @Override
  public Integer call() {
    if (body != null && file != null) {
      throw CliError.usage("both BODY and --file: give one of them");
    }
    if (keySeparator != null && (body != null || file != null)) {
      throw CliError.usage(
          "--key-separator is for lines of standard input: leave out BODY and --file");
    }
    if (queue != null && queue < 0) {
      throw CliError.usage("--queue " + queue + ": queues count from 0");
    }
    if (priority != null && priority < 0) {
      throw CliError.usage("--priority " + priority + ": priorities count from 0");
    }
    if (when.delay != null && when.delay.isZero()) {
      throw CliError.usage("--delay 0: give a time longer than nothing, or leave it out");
    }
    if (when.at != null) {
      deliverAt = Converters.time("--at", when.at);
    }
    if ((decision.commit || decision.rollback) && !when.half) {
      throw CliError.usage("--commit and --rollback are for what is sent with --half");
    }
    byte[] single =
        body != null ? body.getBytes(StandardCharsets.UTF_8) : file != null ? read(file) : null;
    return withCluster(cluster -> send(cluster, single));
  }

  private int send(Cluster cluster, byte[] single) {
    var receipts = new Receipts(this::print, out()::flush);
    Duration timeout = root().timeout;
    try (Cluster.Sink sink = cluster.openSink(new Cluster.SinkOptions(BUFFER_BYTES, timeout))) {
      receipts.start();
      // Nobody can wake the main thread out of reading standard input.
      console().stop().instead(() -> receipts.finishWithin(STOP_MILLIS));
      try {
        if (single != null) {
          send(sink, receipts, 1, message(single));
        } else {
          sendLines(sink, receipts);
        }
      } finally {
        // A line that cannot be sent does not take back those before it.
        receipts.finish();
      }
    }
    return end(receipts, single == null);
  }

  private void sendLines(Cluster.Sink sink, Receipts receipts) {
    var lines = new LineSource(console().in());
    byte[] separator =
        keySeparator == null
            ? new byte[0]
            : keySeparator.replace("\\t", "\t").getBytes(StandardCharsets.UTF_8);
    while (!receipts.giveUp() && !console().stop().requested()) {
      Optional<byte[]> line = lines.next();
      if (line.isEmpty()) {
        return;
      }
      send(sink, receipts, lines.lineNumber(), message(line.get(), separator, lines.lineNumber()));
    }
  }

  private void send(Cluster.Sink sink, Receipts receipts, long line, OutgoingMessage message) {
    CompletableFuture<Receipt> receipt;
    try {
      receipt = when.half ? sendHalf(sink, message) : sink.send(message);
    } catch (KeelException e) {
      // Counted like those that fail later, so that one bad line does not hide the others.
      receipt = CompletableFuture.failedFuture(e);
    }
    receipts.add(line, receipt);
  }

  /** The receipt of a message that was committed tells its place. */
  private CompletableFuture<Receipt> sendHalf(Cluster.Sink sink, OutgoingMessage message) {
    CompletableFuture<Receipt> half = sink.sendHalf(message);
    if (decision.commit) {
      return half.thenCompose(
          receipt ->
              sink.commit(receipt)
                  .thenApply(
                      placed ->
                          new Receipt(
                              receipt.topic(),
                              placed.queue(),
                              placed.offset(),
                              receipt.messageId(),
                              receipt.duplicate(),
                              receipt.heldId())));
    }
    return decision.rollback
        ? half.thenCompose(receipt -> sink.rollback(receipt).thenApply(done -> receipt))
        : half;
  }

  private OutgoingMessage message(byte[] line, byte[] separator, long number) {
    if (separator.length == 0) {
      return message(line);
    }
    int at = indexOf(line, separator);
    if (at < 0) {
      throw CliError.usage(
          "line %d has no \"%s\" behind a key: give the --key-separator that your lines have"
              .formatted(number, Table.printable(keySeparator)));
    }
    var key = new String(line, 0, at, StandardCharsets.UTF_8);
    return builder()
        .key(key)
        .keys(keys)
        .body(Arrays.copyOfRange(line, at + separator.length, line.length))
        .build();
  }

  private OutgoingMessage message(byte[] bytes) {
    return builder().keys(keys).body(bytes).build();
  }

  private OutgoingMessage.Builder builder() {
    var builder = OutgoingMessage.builder(topic);
    if (tag != null) {
      builder.tag(tag);
    }
    if (messageGroup != null) {
      builder.messageGroup(messageGroup);
    }
    if (queue != null) {
      builder.queue(queue);
    }
    if (priority != null) {
      builder.priority(priority);
    }
    if (when.delay != null) {
      builder.delay(when.delay);
    }
    if (deliverAt != null) {
      builder.deliverAt(deliverAt);
    }
    properties.forEach(builder::property);
    return builder;
  }

  private void print(Receipt receipt) {
    if (quiet) {
      return;
    }
    if (json()) {
      out().line(json(receipt).toString());
      return;
    }
    int[] widths = {Math.max(5, topic.length()), 5, 12, 10};
    if (headPrinted.compareAndSet(false, true)) {
      out().line(Table.line(new String[] {"TOPIC", "QUEUE", "OFFSET", "MESSAGE_ID"}, widths));
    }
    out()
        .line(
            Table.line(
                new String[] {
                  receipt.topic(),
                  String.valueOf(receipt.queue()),
                  offset(receipt),
                  Table.printable(receipt.messageId())
                },
                widths));
  }

  /** In the column of the offset, what a message is called that has none. */
  private String offset(Receipt receipt) {
    if (decision.rollback) {
      return "rolled back";
    }
    return receipt.offset() == Receipt.NO_OFFSET
        ? "held " + receipt.heldId()
        : String.valueOf(receipt.offset());
  }

  private Json json(Receipt receipt) {
    var json = new Json().put("topic", receipt.topic()).put("queue", receipt.queue());
    if (receipt.offset() == Receipt.NO_OFFSET) {
      json.putNull("offset");
    } else {
      json.put("offset", receipt.offset());
    }
    json.put("message_id", receipt.messageId())
        .put("duplicate", receipt.duplicate())
        .put("held_id", receipt.heldId());
    if (when.half) {
      json.put(
          "transaction",
          decision.commit ? "committed" : decision.rollback ? "rolled_back" : "undecided");
    }
    return json;
  }

  private int end(Receipts receipts, boolean lines) {
    if (quiet && json()) {
      out()
          .line(
              new Json().put("sent", receipts.sent()).put("failed", receipts.failed()).toString());
    } else if (!json() && (quiet || lines)) {
      out().line("sent %d, failed %d".formatted(receipts.sent(), receipts.failed()));
    }
    Throwable failure = receipts.firstFailure();
    if (failure == null) {
      return ExitCodes.OK;
    }
    String why = Failures.line(failure, root().endpoints());
    throw new CliError(
        Failures.exitCode(failure),
        Failures.code(failure),
        lines
            ? "%d sent, %d failed, first line %d: %s"
                .formatted(receipts.sent(), receipts.failed(), receipts.firstFailedLine(), why)
            : why,
        failure);
  }

  private static byte[] read(Path file) {
    try {
      long size = Files.size(file);
      if (size > MAX_FILE_BYTES) {
        throw new CliError(
            ExitCodes.USAGE,
            "MESSAGE_BODY_TOO_LARGE",
            "--file %s has %d bytes, and a message holds at most %d: split it, or send its lines with `< %s`"
                .formatted(file, size, MAX_FILE_BYTES, file));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new CliError(
          ExitCodes.USAGE,
          "INPUT_FAILED",
          "--file %s cannot be read (%s): give a file that you may read"
              .formatted(file, e.getClass().getSimpleName()),
          e);
    }
  }

  private static int indexOf(byte[] line, byte[] separator) {
    for (int i = 0; i <= line.length - separator.length; i++) {
      if (Arrays.equals(line, i, i + separator.length, separator, 0, separator.length)) {
        return i;
      }
    }
    return -1;
  }
}
