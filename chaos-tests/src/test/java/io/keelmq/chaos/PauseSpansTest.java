package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import io.keelmq.chaos.checks.Timeline.Span;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PauseSpansTest {

  private final PauseSpans spans = new PauseSpans(List.of(millis(1_000), millis(50_000)));
  private long seq;

  @Test
  void lastFromAFaultToTheFirstAckOfALaterSendAndALittleMore() {
    send(900, 1_200);
    send(1_500, 1_800);
    send(1_900, 1_950);

    assertEquals(
        List.of(
            new Span(millis(1_000), millis(1_800) + PauseSpans.RECOVERY_NANOS),
            new Span(millis(50_000), Long.MAX_VALUE)),
        spans.spans());
    assertEquals(List.of(millis(800)), spans.faultNanos());
    assertEquals(0, spans.slowestWithoutFaultNanos());
  }

  @Test
  void lastAsLongAsASlowAnswerOfAnyKind() {
    send(50_100, 50_200);
    send(60_000, 61_500);
    send(61_400, 62_500);
    settle(70_000, 72_000);

    assertEquals(
        List.of(
            new Span(millis(1_000), millis(50_200) + PauseSpans.RECOVERY_NANOS),
            new Span(millis(50_000), millis(50_200) + PauseSpans.RECOVERY_NANOS),
            new Span(millis(60_000), millis(62_500)),
            new Span(millis(70_000), millis(72_000))),
        spans.spans());
    assertEquals(millis(2_500), spans.slowestWithoutFaultNanos());
  }

  @Test
  void lastAsLongAsAReaderWaitsForAnAcknowledgedMessage() {
    send(50_100, 50_200);
    send(60_000, 60_100);
    spans.event(new Event.Delivered(0, 0, 1, 0, 1, millis(61_400)));

    assertEquals(millis(1_300), spans.slowestWithoutFaultNanos());
    assertEquals(new Span(millis(60_100), millis(61_400)), last(spans.spans()));
  }

  private static Span last(List<Span> all) {
    return all.get(all.size() - 1);
  }

  private void send(long fromMillis, long toMillis) {
    spans.event(new Event.Invoke(0, 0, seq, millis(fromMillis)));
    spans.event(new Event.Ok(0, seq, 0, seq, millis(toMillis)));
    seq++;
  }

  private void settle(long fromMillis, long toMillis) {
    var lease = new LeaseName(0, 1, 0);
    spans.event(new Event.Settles(1, 0, 0, 5, lease, Settling.ACK, 0, millis(fromMillis)));
    spans.event(new Event.Settled(1, 0, 0, 5, lease, Settling.ACK, Outcome.OK, millis(toMillis)));
  }

  private static long millis(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }
}
