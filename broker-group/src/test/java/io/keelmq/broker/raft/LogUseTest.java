package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.raftlog.SegmentSummary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** When it is worth while to copy what is live. */
class LogUseTest {

  private static final long ALL = Long.MAX_VALUE;

  /** Segments of 100 bytes and 10 entries, with so much live in each. */
  private static LogUse use(long elsewhere, long... live) {
    List<SegmentSummary> segments = new ArrayList<>();
    long total = elsewhere;
    for (int i = 0; i < live.length; i++) {
      segments.add(
          new SegmentSummary(10L * i + 1, 10L * i + 10, Path.of("s"), Path.of("i"), 100, 0, 0));
      total += live[i];
    }
    return new LogUse(segments, live, total);
  }

  @Test
  void leavesItAloneWhileMoreIsLiveThanDead() {
    assertEquals(OptionalLong.empty(), use(0, 10, 60, 90).relocateUpTo(ALL, 0, false, ALL));
    assertEquals(OptionalLong.empty(), use(500, 10, 10, 10).relocateUpTo(ALL, 0, false, ALL));
    assertEquals(OptionalLong.empty(), use(0, 10, 10, 10).relocateUpTo(ALL, 240, false, ALL));
  }

  @Test
  void takesTheFewestOfTheOldestThatAreDeadByHalf() {
    assertEquals(OptionalLong.of(10), use(0, 10, 10, 10).relocateUpTo(ALL, 200, false, ALL));
    assertEquals(OptionalLong.of(20), use(0, 90, 10, 0, 0).relocateUpTo(ALL, 100, false, ALL));
  }

  @Test
  void takesAsManyAsLeaveNoMoreDeadThanLive() {
    // 900 bytes are dead and 100 live.
    long[] live = {10, 10, 10, 10, 10, 10, 10, 10, 10, 10};
    assertEquals(OptionalLong.of(90), use(0, live).relocateUpTo(ALL, 0, false, ALL));
    assertEquals(OptionalLong.of(50), use(300, live).relocateUpTo(ALL, 50, false, ALL));
    assertEquals(OptionalLong.of(10), use(800, live).relocateUpTo(ALL, 0, true, ALL));
  }

  @Test
  void looksAtWhatCanBeFreedOnly() {
    assertEquals(OptionalLong.empty(), use(0, 90, 10, 0, 0).relocateUpTo(20, 0, false, ALL));
    assertEquals(120 - 10, use(0, 90, 0, 0).deadBytesBefore(21));
    assertEquals(10, use(0, 90, 0, 0).deadBytesBefore(20));
  }

  @Test
  void whatIsDeadAndOldestGoesWithoutACopy() {
    var use = use(0, 0, 0, 40, 40);
    assertEquals(120, use.deadBytesBefore(ALL));
    assertFalse(use.isOldestLive());
    assertEquals(OptionalLong.of(30), use.relocateUpTo(ALL, 0, false, ALL));
    assertEquals(OptionalLong.empty(), use(0, 0, 0, 60, 60).relocateUpTo(ALL, 0, false, ALL));
  }

  @Test
  void letsSoManyOfTheOldestGoAsAreMissing() {
    assertEquals(OptionalLong.empty(), use(0, 50, 50, 50).trimUpTo(0));
    assertEquals(OptionalLong.of(10), use(0, 50, 50, 50).trimUpTo(1));
    assertEquals(OptionalLong.of(10), use(0, 50, 50, 50).trimUpTo(100));
    assertEquals(OptionalLong.of(20), use(0, 50, 50, 50).trimUpTo(101));
    assertEquals(OptionalLong.of(30), use(0, 50, 50, 50).trimUpTo(ALL));
  }

  @Test
  void whatIsDeadAndNotFreedYetCountsAsMuch() {
    assertEquals(OptionalLong.empty(), use(0, 0, 0, 50).trimUpTo(200));
    assertEquals(OptionalLong.of(30), use(0, 0, 0, 50).trimUpTo(201));
  }

  @Test
  void whoIsPressedCopiesWhateverMakesMoreRoomThanItTakes() {
    var use = use(500, 50, 90);
    assertTrue(use.isOldestLive());
    assertEquals(OptionalLong.of(10), use.relocateUpTo(ALL, 1_000, true, ALL));
    assertEquals(OptionalLong.empty(), use(500, 60, 90).relocateUpTo(ALL, 1_000, true, ALL));
  }

  @Test
  void copiesNothingThatCostsMoreThanThereIsToSpare() {
    var use = use(0, 40, 90, 10, 0);
    assertEquals(OptionalLong.of(10), use.relocateUpTo(ALL, 0, true, 40));
    assertEquals(OptionalLong.empty(), use.relocateUpTo(ALL, 0, true, 39));
    // It takes the first three to free more than they cost.
    assertEquals(OptionalLong.of(30), use(0, 60, 60, 10).relocateUpTo(ALL, 0, true, 130));
    assertEquals(OptionalLong.empty(), use(0, 60, 60, 10).relocateUpTo(ALL, 0, true, 129));
  }
}
