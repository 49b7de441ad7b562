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
import java.util.function.Consumer;

/** Writes messages that were read, one a line. For one thread. */
final class MessageWriter {
  /** How a message is written. */
  enum Form {
    TABLE,
    JSON,
    /** The body's bytes and a line feed. */
    RAW
  }

  /**
   * What a command says about a message besides what is stored.
   *
   * @param head of its column
   * @param width of its column
   * @param fields adds it to an object for programs
   */
  record Extra(String head, int width, String cell, Consumer<Json> fields) {}

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
  private static final String[] HEADS = {"QUEUE", "OFFSET", "STORED", "KEY", "BODY"};
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

  /**
   * @param extras the same ones, in the same order, each time
   */
  void write(ReadMessage message, Extra... extras) {
    switch (form) {
      case RAW -> out.line(message.bodyBytes());
      case JSON -> {
        Json json = json(message);
        for (Extra extra : extras) {
          extra.fields().accept(json);
        }
        out.line(json.toString());
      }
      case TABLE -> row(message, extras);
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

  private void row(ReadMessage message, Extra... extras) {
    var widths = new int[HEADS.length + extras.length];
    var heads = new String[widths.length];
    String key = message.keys().isEmpty() ? "-" : String.join(",", message.keys());
    String body =
        text(message.body())
            .map(Table::printable)
            .orElseGet(() -> "(" + message.bodySize() + " bytes that are no UTF-8)");
    String[] own = {
      Integer.toString(message.queue()),
      Long.toString(message.offset()),
      time(message.storeTime()),
      Table.printable(key),
      body
    };
    var cells = new String[widths.length];
    // Behind the place, in front of the body, which is of any length.
    for (int i = 0; i < widths.length; i++) {
      int extra = i - 2;
      if (extra >= 0 && extra < extras.length) {
        widths[i] = extras[extra].width();
        heads[i] = extras[extra].head();
        cells[i] = Table.printable(extras[extra].cell());
      } else {
        int from = extra < 0 ? i : i - extras.length;
        widths[i] = WIDTHS[from];
        heads[i] = HEADS[from];
        cells[i] = own[from];
      }
    }
    if (!headPrinted) {
      headPrinted = true;
      out.line(Table.line(heads, widths));
    }
    out.line(Table.line(cells, widths));
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
