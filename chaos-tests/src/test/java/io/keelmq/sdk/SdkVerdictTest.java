package io.keelmq.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Goal: the verdict is silent on what may happen and tells each thing that may not. */
class SdkVerdictTest {

  private final SdkHistory history = new SdkHistory();

  private SdkVerdictTest call(String kind, String key, String result) {
    history.line(String.join("\t", "call", kind, key, "1000", "250", result));
    return this;
  }

  private SdkVerdictTest got(String consumer, String key) {
    history.line(String.join("\t", "got", consumer, key, "2000"));
    return this;
  }

  private List<String> broken(Map<String, Integer> stored) {
    return new SdkVerdict(history, stored).broken();
  }

  @Test
  void allIsWell() {
    call("send-fifo", "fifo-0-0", "ok").call("send-fifo", "fifo-0-1", "ok");
    got("simple", "fifo-0-0").call("ack", "fifo-0-0", "gone").got("simple", "fifo-0-0");
    call("ack", "fifo-0-0", "ok").got("simple", "fifo-0-1").call("ack", "fifo-0-1", "ok");
    call("send-delay", "recall-4", "ok").call("recall", "recall-4", "ok");
    call("send-normal", "normal-0", "failed");

    var verdict = new SdkVerdict(history, Map.of("fifo-0-0", 1, "fifo-0-1", 1));

    assertEquals(List.of(), verdict.broken());
    assertEquals(1, verdict.failures("send-normal"));
    assertEquals(1, verdict.failures("ack"));
    assertTrue(verdict.json("x").toString().contains("\"failed\":{\"ack\":1,\"send-normal\":1}"));
    assertTrue(history.isDrained());
  }

  @Test
  void tellsALoss() {
    call("send-normal", "normal-0", "ok");

    assertEquals(List.of("sent and never delivered: normal-0"), broken(Map.of()));
    assertTrue(!history.isDrained());
  }

  @Test
  void tellsACopyInTheLog() {
    call("send-normal", "normal-0", "ok").got("push", "normal-0");

    assertEquals(List.of("normal-0 is in the log 2 times"), broken(Map.of("normal-0", 2)));
  }

  @Test
  void tellsAMessageBeforeItsTurn() {
    call("send-fifo", "fifo-0-0", "ok").call("send-fifo", "fifo-0-1", "ok");
    got("simple", "fifo-0-1").got("simple", "fifo-0-0");

    assertEquals(List.of("expected number 0 of its message group: fifo-0-1"), broken(Map.of()));
  }

  @Test
  void passesOverWhatWasNotSent() {
    call("send-fifo", "fifo-0-0", "failed").call("send-fifo", "fifo-0-1", "ok");
    got("simple", "fifo-0-1");

    assertEquals(List.of(), broken(Map.of()));
  }

  @Test
  void tellsADeliveryBehindItsAcknowledgement() {
    call("send-fifo", "fifo-0-0", "ok").got("simple", "fifo-0-0").call("ack", "fifo-0-0", "ok");
    got("simple", "fifo-0-0");

    assertEquals(List.of("delivered behind its acknowledgement: fifo-0-0"), broken(Map.of()));
  }

  @Test
  void tellsARecalledMessageThatComes() {
    call("send-delay", "recall-4", "ok").call("recall", "recall-4", "ok").got("push", "recall-4");

    assertEquals(List.of("recalled and delivered: recall-4"), broken(Map.of()));
  }
}
