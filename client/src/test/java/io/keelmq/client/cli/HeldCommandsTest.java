package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.client.ClientValues;
import io.keelmq.v1.Message;
import io.keelmq.v1.Topic;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code timer}, {@code tx} and what {@code send} does with messages that wait. */
class HeldCommandsTest {

  private final CommandLineRun keelmq = new CommandLineRun();

  @BeforeEach
  void makeTopic() {
    keelmq.cluster.topics.put("orders", Topic.newBuilder().setTopic("orders").build());
  }

  @Test
  void sendsWithAPriority() {
    assertEquals(0, keelmq.run("send --topic orders --priority 3 hello".split(" ")));

    assertEquals(3, keelmq.cluster.sent.get(0).priority());
  }

  @Test
  void sendsHalfAndDecidesAtOnceIfTold() {
    assertEquals(0, keelmq.run("send --topic orders --half one".split(" ")));
    assertTrue(keelmq.out().contains("held 1-7"), keelmq.out());
    assertEquals(0, keelmq.run("send --topic orders --half --commit two".split(" ")));
    assertEquals(0, keelmq.run("send --topic orders --half --rollback three".split(" ")));
    assertTrue(keelmq.out().contains("rolled back"), keelmq.out());

    assertEquals(List.of("commit 2-7", "rollback 2-7"), keelmq.cluster.decisions);
    assertEquals(0, keelmq.cluster.sent.size());
  }

  @Test
  void refusesOptionsThatContradictEachOther() {
    for (String line :
        List.of(
            "send --topic orders --half --delay 1s hello",
            "send --topic orders --at 2026-03-01T12:00:00Z --delay 1s hello",
            "send --topic orders --half --commit --rollback hello",
            "send --topic orders --commit hello",
            "send --topic orders --priority -1 hello",
            "send --topic orders --delay 0 hello",
            "send --topic orders --at tomorrow hello",
            "tx resolve 1-7 --topic orders",
            "tx resolve 1-7 --topic orders --commit --rollback",
            "tx list",
            "timer list --topic orders --max 0",
            "timer")) {
      assertEquals(ExitCodes.USAGE, keelmq.run(line.split(" ")), line);
    }
    assertEquals(List.of(), keelmq.cluster.sent);
    assertEquals(List.of(), keelmq.cluster.waiting);
  }

  @Test
  void sendsDelayedMessages() {
    assertEquals(0, keelmq.run("send --topic orders --delay 90s hello".split(" ")));
    assertEquals(0, keelmq.run("send --topic orders --at 2040-01-01T00:00:00Z hello".split(" ")));
    assertEquals(0, keelmq.run("send --topic orders hello".split(" ")));

    assertEquals(
        List.of(90_005L, 2_208_988_800_000L, 0L),
        keelmq.cluster.sent.stream()
            .map(message -> ClientValues.deliverAtMillis(message, 5))
            .toList());
  }

  @Test
  void listsOfEachKindAcrossPages() {
    for (int i = 0; i < 5; i++) {
      keelmq.cluster.hold("orders", i % 2 == 0, message("m" + i));
    }

    assertEquals(0, keelmq.run("tx list --topic orders".split(" ")));
    assertEquals(4, keelmq.outLines().size(), keelmq.out());
    assertTrue(keelmq.outLines().get(0).startsWith("HELD_ID"));
    assertTrue(keelmq.outLines().get(3).endsWith("m4"));
    assertEquals(0, keelmq.run("timer list --topic orders".split(" ")));
    assertEquals(3, keelmq.outLines().size());
    assertEquals(0, keelmq.run("tx list --topic orders --max 2 -o json".split(" ")));
    assertEquals(2, keelmq.outLines().size());
  }

  @Test
  void cancelsAndSaysWhatDoesNotWait() {
    String id = keelmq.cluster.hold("orders", false, message("m"));

    assertEquals(0, keelmq.run("timer", "cancel", id, "--topic", "orders"));
    assertEquals("cancelled " + id, keelmq.outLines().get(0));
    assertEquals(
        ExitCodes.NOT_FOUND, keelmq.run("timer", "cancel", id, "--topic", "orders", "-o", "json"));
    assertTrue(keelmq.errLines().get(1).contains("HELD_NOT_FOUND"), keelmq.errLines().get(1));
    assertEquals(
        ExitCodes.NOT_FOUND, keelmq.run("tx", "resolve", id, "--topic", "orders", "--commit"));
    assertEquals(
        ExitCodes.NOT_FOUND, keelmq.run("tx", "resolve", id, "--topic", "none", "--commit"));
  }

  private static Message message(String body) {
    return Message.newBuilder().setBody(ByteString.copyFromUtf8(body)).build();
  }
}
