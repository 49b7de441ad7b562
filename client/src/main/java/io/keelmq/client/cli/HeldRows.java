package io.keelmq.client.cli;

import io.keelmq.client.HeldMessage;
import io.keelmq.client.ReadMessage;
import io.keelmq.common.Json;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/** What waits in a topic, listed for people and for programs. For one thread. */
final class HeldRows {

  /** In one answer of a cluster. */
  private static final int PAGE = 100;

  private final CliCommand command;
  private final MessageWriter writer;

  HeldRows(CliCommand command) {
    this.command = command;
    this.writer = new MessageWriter(command.out(), MessageWriter.Form.TABLE);
  }

  /**
   * @param half those that wait for their transaction; else those that wait for their time
   */
  int list(Cluster.Held held, String topic, boolean half, int max) {
    var rows = new ArrayList<HeldMessage>();
    String after = "";
    while (rows.size() < max) {
      List<HeldMessage> page = held.list(topic, PAGE, after);
      if (page.isEmpty()) {
        break;
      }
      page.stream()
          .filter(message -> message.half() == half)
          .limit(max - rows.size())
          .forEach(rows::add);
      after = page.get(page.size() - 1).heldId();
    }
    if (command.json()) {
      rows.forEach(message -> command.out().line(json(message).toString()));
    } else {
      print(rows, half);
    }
    return ExitCodes.OK;
  }

  private void print(List<HeldMessage> rows, boolean half) {
    var table =
        half
            ? new Table("HELD_ID", "QUEUE", "SENT", "NEXT_CHECK", "CHECKS", "HEARD", "BODY")
            : new Table("HELD_ID", "QUEUE", "SENT", "DUE", "BODY");
    for (HeldMessage message : rows) {
      String sent = MessageWriter.time(message.stored());
      String due = MessageWriter.time(message.due());
      String body = shown(message);
      if (half) {
        table.row(
            message.heldId(),
            message.queue(),
            sent,
            due,
            message.checks(),
            message.heardChecks(),
            body);
      } else {
        table.row(message.heldId(), message.queue(), sent, due, body);
      }
    }
    table.print(command.out());
  }

  private String shown(HeldMessage message) {
    if (message.messages().isEmpty()) {
      return "(not read)";
    }
    ReadMessage first = message.messages().get(0);
    String body =
        writer
            .text(first.body())
            .orElseGet(() -> "(" + first.bodySize() + " bytes that are no UTF-8)");
    return message.count() > 1 ? body + " (and " + (message.count() - 1) + " more)" : body;
  }

  private Json json(HeldMessage message) {
    var json =
        new Json()
            .put("topic", message.topic())
            .put("held_id", message.heldId())
            .put("queue", message.queue())
            .put("messages", message.count())
            .put("store_time", MessageWriter.time(message.stored()))
            .put("due_time", MessageWriter.time(message.due()));
    if (message.half()) {
      json.put("checks", message.checks()).put("heard_checks", message.heardChecks());
    }
    if (message.messages().isEmpty()) {
      return json.putNull("message_id").putNull("keys").putNull("body");
    }
    ReadMessage first = message.messages().get(0);
    json.put("message_id", first.messageId()).putTexts("keys", first.keys());
    ByteBuffer body = first.body();
    Optional<String> text = writer.text(body);
    return text.isPresent()
        ? json.put("body", text.get())
        : json.put("body_base64", Base64.getEncoder().encodeToString(first.bodyBytes()));
  }
}
