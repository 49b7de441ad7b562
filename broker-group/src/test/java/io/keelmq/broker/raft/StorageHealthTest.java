package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.raft.StorageHealth.Look;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StorageHealthTest {

  private static final long DISK = 100L << 20;
  private static final long ROOM = 50L << 20;

  private final List<String> done = new ArrayList<>();
  private final StorageLimits limits =
      new StorageLimits(Duration.ofSeconds(5), 10L << 20, 0, Duration.ZERO);
  private long seconds;
  private boolean stands = true;
  private StorageHealth health = health(limits);

  private StorageHealth health(StorageLimits of) {
    return new StorageHealth(
        of,
        () -> Duration.ofSeconds(seconds).toNanos(),
        new StorageHealth.Remedies() {
          @Override
          public void handOver() {
            done.add("hand over");
          }

          @Override
          public void stand(boolean may) {
            stands = may;
          }
        });
  }

  private void look(boolean leads, long forceSeconds, long free) {
    look(leads, true, forceSeconds, free);
  }

  private void look(boolean leads, boolean hasLeader, long forceSeconds, long free) {
    seconds++;
    health.look(new Look(leads, hasLeader, Duration.ofSeconds(forceSeconds).toNanos(), free, DISK));
  }

  @Test
  void handsOverWhenAForceStallsAndStandsWhenItWasSoundForAsLong() {
    look(true, 5, ROOM);
    assertEquals(List.of(), done);
    assertTrue(stands);

    look(true, 6, ROOM);
    assertEquals(List.of("hand over"), done);
    assertFalse(stands);
    assertFalse(health.mayStand());

    for (int i = 0; i < 4; i++) {
      look(false, 0, ROOM);
      assertFalse(stands);
    }
    look(false, 0, ROOM);
    assertTrue(stands);
    assertEquals(1, health.stalls());
  }

  @Test
  void takesOverAsSoonAsTheDiskAnswers() {
    look(false, 6, ROOM);
    assertFalse(health.mayTakeOver());

    look(false, 0, ROOM);
    assertTrue(health.mayTakeOver());
    assertFalse(health.mayStand());
  }

  @Test
  void standsOnProbationWhenTheGroupHasNoLeaderUnlessItsDiskStalls() {
    look(false, 6, ROOM);
    look(false, false, 6, ROOM);
    look(false, false, 7, ROOM);
    assertFalse(stands);

    look(false, false, 0, ROOM);
    assertTrue(stands);
    look(false, 0, ROOM);
    assertFalse(stands);
    look(false, false, 0, ROOM);
    assertFalse(stands);
  }

  @Test
  void asksAgainWhileNobodyTakesOver() {
    for (int i = 0; i < 5; i++) {
      look(true, 6 + i, ROOM);
    }

    assertEquals(List.of("hand over", "hand over", "hand over"), done);
  }

  @Test
  void isLowUntilThereIsAQuarterMore() {
    look(true, 0, 10L << 20);
    assertFalse(health.isLow());

    look(true, 0, (10L << 20) - 1);
    assertTrue(health.isLow());
    look(true, 0, 12L << 20);
    assertTrue(health.isLow());

    look(true, 0, (12L << 20) + (512 << 10));
    assertFalse(health.isLow());
    look(true, 0, 10L << 20);
    assertFalse(health.isLow());
  }

  @Test
  void aPercentageOfALargeDiskIsAGibibyte() {
    assertEquals(5L << 20, StorageLimits.DEFAULT.lowBelow(100L << 20));
    assertEquals(1L << 30, StorageLimits.DEFAULT.lowBelow(4L << 40));
  }

  @Test
  void doesNotStandForSomeTimeAfterAnError() {
    health = health(limits.withStandAfter(Duration.ofSeconds(3)));
    assertFalse(health.mayStand());

    look(false, 0, ROOM);
    look(false, 0, ROOM);
    assertFalse(stands);
    look(false, 0, ROOM);
    assertTrue(stands);
  }

  @Test
  void refusesForTheLeaderAndForAMajorityButNotForOneFollower() {
    var disks = new GroupDisks(health, () -> List.of("n2", "n3"), () -> seconds * 1_000_000_000);
    look(true, 0, ROOM);
    assertTrue(disks.refusal().isEmpty());

    disks.isLow("n2");
    disks.isLow("stranger");
    assertTrue(disks.refusal().isEmpty());
    disks.isLow("n3");
    assertTrue(disks.refusal().orElseThrow().contains("2 of 3 replicas"));

    seconds += 3;
    disks.isLow("n3");
    assertTrue(disks.refusal().isEmpty());
    look(true, 0, 1);
    assertTrue(disks.refusal().orElseThrow().contains("the disk of the leader"));
  }
}
