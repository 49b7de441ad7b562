package io.keelmq.client.cli;

import io.keelmq.client.MessagePlace;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Receipt;
import io.keelmq.common.Json;
import io.keelmq.v1.Message;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Dead letters on their way back to where they came from, a bounded number at once. For one thread.
 */
final class Resending {
  /** Of the new message: the id that the dead one had. */
  static final String ORIGINAL_ID = "keelmq.original_message_id";

  private static final String CLIENT_ID = "keelmq-dlq-resend";
  private static final int MAX_IN_FLIGHT = 64;
  private static final int MAX_FAILURES = 100;
  private static final int MAX_MESSAGE_ID_BYTES = 128;

  private record Sent(long offset, CompletableFuture<Receipt> receipt) {}

  private final String group;
  private final Optional<String> to;
  private final Cluster.Once once;
  private final ArrayDeque<Sent> inFlight = new ArrayDeque<>();
  private long read;
  private long resent;
  private long duplicates;
  private long failed;
  private long firstFailedOffset;
  private Throwable firstFailure;

  /**
   * @param to empty: where each came from
   */
  Resending(String group, Optional<String> to, Cluster cluster) {
    this.group = group;
    this.to = to;
    once = cluster.openOnce(CLIENT_ID);
  }

  /** False when so many have failed that the rest will too. */
  boolean send(ReadMessage dead) {
    read++;
    Optional<MessagePlace> source = dead.source();
    String topic = to.or(() -> source.map(MessagePlace::topic)).orElse("");
    if (topic.isEmpty()) {
      failed(
          dead.offset(),
          new CliError(
              ExitCodes.PRECONDITION,
              "PRECONDITION_FAILED",
              "the topic it came from is not known or was deleted: name another with --to"));
    } else {
      // Back into its own queue: messages of one key stay together.
      OptionalInt queue =
          to.isEmpty() && source.isPresent()
              ? OptionalInt.of(source.get().queue())
              : OptionalInt.empty();
      if (inFlight.size() >= MAX_IN_FLIGHT) {
        settle(inFlight.pollFirst(), Duration.ofMinutes(1));
      }
      try {
        inFlight.addLast(new Sent(dead.offset(), once.send(topic, queue, renewed(dead))));
      } catch (RuntimeException e) {
        failed(dead.offset(), e);
      }
    }
    return failed < MAX_FAILURES;
  }

  /** Waits for all answers. */
  void finish(Duration patience) {
    while (!inFlight.isEmpty()) {
      settle(inFlight.pollFirst(), patience);
    }
  }

  long failed() {
    return failed;
  }

  long firstFailedOffset() {
    return firstFailedOffset;
  }

  Optional<Throwable> firstFailure() {
    return Optional.ofNullable(firstFailure);
  }

  Json json() {
    return new Json()
        .put("consumer_group", group)
        .put("read", read)
        .put("resent", resent)
        .put("duplicates", duplicates)
        .put("failed", failed);
  }

  String text() {
    return "read %d, sent again %d, were sent again before %d, failed %d"
        .formatted(read, resent, duplicates, failed);
  }

  private Message renewed(ReadMessage dead) {
    var message = dead.message().toBuilder().setMessageId(newId(dead));
    if (!dead.messageId().isEmpty() && !dead.properties().containsKey(ORIGINAL_ID)) {
      // One that died twice keeps the id it was born with.
      message.putProperties(ORIGINAL_ID, dead.messageId());
    }
    return message.build();
  }

  /**
   * The same for a repeat. The time tells a dead letter from another at the same offset, of a group
   * that was deleted and made again.
   */
  private String newId(ReadMessage dead) {
    String end = "-" + dead.offset() + "-" + Long.toString(dead.storeTime().toEpochMilli(), 36);
    String id = "dlq-" + group + end;
    return id.getBytes(StandardCharsets.UTF_8).length <= MAX_MESSAGE_ID_BYTES
        ? id
        : "dlq-" + sha256(group) + end;
  }

  private static String sha256(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private void settle(Sent sent, Duration patience) {
    try {
      Receipt receipt = sent.receipt().get(patience.toNanos(), TimeUnit.NANOSECONDS);
      if (receipt.duplicate()) {
        duplicates++;
      } else {
        resent++;
      }
    } catch (ExecutionException e) {
      failed(sent.offset(), e.getCause());
    } catch (TimeoutException e) {
      failed(sent.offset(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      failed(sent.offset(), e);
    }
  }

  private void failed(long offset, Throwable why) {
    failed++;
    if (firstFailure == null) {
      firstFailure = why;
      firstFailedOffset = offset;
    }
  }
}
