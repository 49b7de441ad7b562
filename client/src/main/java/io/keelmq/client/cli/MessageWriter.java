package io.keelmq.client.cli;

import io.keelmq.client.ReadMessage;
import io.keelmq.common.Json;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.Optional;
import java.util.TreeMap;

/** Writes messages that were read, one a line. For one thread. */
final class MessageWriter {
  /** How a message is written. */
  enum Form {
    TABLE,
    JSON,
    /** The body's bytes and a line feed. */
    RAW
  }

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
  private static final int[] WIDTHS = {5, 10, 24, 12, 0};

  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);
  private final Output out;
  private final Form form;
  private boolean headPrinted;

  MessageWriter(Output out, Form form) {
    this.out = out;
    this.form = form;
  }

  void write(ReadMessage message) {
    switch (form) {
      case RAW -> out.line(message.bodyBytes());
      case JSON -> out.line(json(message).toString());
      case TABLE -> row(message);
    }
  }

  private Json json(ReadMessage message) {
    var json =
        new Json()
            .put("topic", message.topic())
            .put("queue", message.queue())
            .put("offset", message.offset())
            .put("store_time", time(message.storeTime()));
    if (message.bornTime().equals(Instant.EPOCH)) {
      json.putNull("born_time");
    } else {
      json.put("born_time", time(message.bornTime()));
    }
    json.put("message_id", message.messageId())
        .putTexts("keys", message.keys())
        .put("tag", message.tag())
        .put("message_group", message.messageGroup())
        // Sorted, so that one message always gives one line.
        .putTexts("properties", new TreeMap<>(message.properties()));
    Optional<String> text = text(message.body());
    return text.isPresent()
        ? json.put("body", text.get())
        : json.put("body_base64", Base64.getEncoder().encodeToString(message.bodyBytes()));
  }

  private void row(ReadMessage message) {
    if (!headPrinted) {
      headPrinted = true;
      out.line(Table.line(new String[] {"QUEUE", "OFFSET", "STORED", "KEY", "BODY"}, WIDTHS));
    }
    String key = message.keys().isEmpty() ? "-" : String.join(",", message.keys());
    String body =
        text(message.body())
            .map(Table::printable)
            .orElseGet(() -> "(" + message.bodySize() + " bytes that are no UTF-8)");
    out.line(
        Table.line(
            new String[] {
              String.valueOf(message.queue()),
              String.valueOf(message.offset()),
              time(message.storeTime()),
              Table.printable(key),
              body
            },
            WIDTHS));
  }

  /** The body as text; empty when it is not UTF-8. */
  Optional<String> text(ByteBuffer body) {
    try {
      return Optional.of(utf8.decode(body).toString());
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }

  static String time(Instant time) {
    return TIME.format(time);
  }
}
