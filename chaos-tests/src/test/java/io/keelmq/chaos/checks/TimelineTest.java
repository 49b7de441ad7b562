package io.keelmq.chaos.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.chaos.checks.Timeline.Span;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimelineTest {

  @Test
  void countsEachPausedMomentOnce() {
    var timeline = new Timeline(0, List.of(new Span(50, 70), new Span(10, 20), new Span(15, 30)));

    assertEquals(2, timeline.pauses());
    assertEquals(40, timeline.pausedNanos());
    assertEquals(40, timeline.pausedNanos(0, 100));
    assertEquals(5, timeline.pausedNanos(12, 17));
    assertEquals(15, timeline.pausedNanos(20, 55));
    assertEquals(0, timeline.pausedNanos(30, 50));
    assertEquals(0, timeline.pausedNanos(70, 60));
    assertEquals(0, timeline.pausedNanos(0, 10));
  }

  @Test
  void countsNothingWithoutPauses() {
    var timeline = new Timeline(1_000, List.of());

    assertEquals(0, timeline.pausedNanos(0, Long.MAX_VALUE));
    assertEquals(1_005, timeline.wallMillis(5_000_000));
    assertEquals(5_000_000, timeline.nanos(1_005));
  }
}
