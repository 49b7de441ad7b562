package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.time.InstantSource;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LogClockTest {

  private static final long TEN_MINUTES = 600_000;

  /** A machine: its wall clock may be off, its monotonic clock is not. */
  private static final class Machine {
    private final LogClock clock;

    Machine(World world, long wallErrorMillis, long lastMillis) {
      InstantSource wall = () -> Instant.ofEpochMilli(world.millis + wallErrorMillis);
      clock = new LogClock(lastMillis, wall, () -> world.millis * 1_000_000);
    }
  }

  private static final class World {
    private long millis = 1_700_000_000_000L;
  }

  private final World world = new World();

  @Test
  void beginsWithTheWallClock() {
    var first = new Machine(world, 0, 0);

    assertEquals(world.millis, first.clock.stamp());
  }

  @Test
  void goesOnFromAnotherLeadersStampThoughTheWallClocksAreTenMinutesApart() {
    var ahead = new Machine(world, TEN_MINUTES, 0);
    var right = new Machine(world, 0, 0);
    ahead.clock.lead();
    long last = ahead.clock.stamp();
    right.clock.observe(last, true);

    world.millis += 1_000;
    right.clock.lead();
    long next = right.clock.stamp();

    // A second has passed; a tenth of it may be given back to the wall clock.
    assertEquals(last + 900, next);
  }

  @Test
  void doesNotLoseTheTimeOfAnElectionToEntriesThatAreAppliedBehindIt() {
    var dead = new Machine(world, 0, 0);
    var next = new Machine(world, 0, 0);
    dead.clock.lead();
    next.clock.observe(dead.clock.stamp(), true);
    world.millis += 10;
    long[] stampedBeforeItDied = {dead.clock.stamp(), dead.clock.stamp()};

    world.millis += 3_000;
    for (long stamp : stampedBeforeItDied) {
      next.clock.observe(stamp, true);
    }
    next.clock.lead();

    long behind = world.millis - next.clock.stamp();
    assertTrue(behind <= 301, () -> behind + " ms behind after 3,010 ms, expected a tenth at most");
  }

  @Test
  void followsALeaderWhoseTimePassesSlower() {
    var slow = new Machine(world, -TEN_MINUTES, world.millis);
    var follower = new Machine(world, TEN_MINUTES, world.millis);
    slow.clock.lead();
    for (int i = 0; i < 1_000; i++) {
      world.millis += 100;
      follower.clock.observe(slow.clock.stamp(), true);
    }
    long last = slow.clock.stamp();

    follower.clock.lead();

    long ahead = follower.clock.stamp() - last;
    assertTrue(ahead >= 0 && ahead <= 1, () -> ahead + " ms ahead of the leader it followed");
  }

  @Test
  void isDrawnTowardsTheWallClockUntilItAgrees() {
    var behind = new Machine(world, 0, 0);
    behind.clock.lead();
    behind.clock.stamp();
    behind.clock.follow();
    behind.clock.observe(world.millis - 10_000, true);
    behind.clock.lead();

    for (int i = 0; i < 200; i++) {
      world.millis += 1_000;
      behind.clock.stamp();
    }

    assertEquals(world.millis, behind.clock.stamp());
  }

  @Test
  void neverGoesBackWhenTheWallClockDoes() {
    var ahead = new Machine(world, TEN_MINUTES, 0);
    ahead.clock.lead();
    long last = ahead.clock.stamp();
    var same = new Machine(world, -TEN_MINUTES, last);

    same.clock.lead();

    assertTrue(same.clock.stamp() >= last);
  }

  @Test
  void believesTheWallClockOnceAfterARestartOfAll() {
    long stopped = world.millis;
    world.millis += 3_600_000;
    var restarted = new Machine(world, 0, stopped);
    // Entries of before the restart that are applied again say nothing about the time since.
    restarted.clock.observe(stopped, false);

    restarted.clock.lead();

    assertEquals(world.millis, restarted.clock.stamp());
  }

  @Test
  void stampsOfChangingLeadersNeverFallAndKeepWithinTheSlew() {
    long seed = Long.getLong("seed", 20_261_122);
    System.out.println("LogClockTest seed=" + seed);
    var random = new Random(seed);
    long[] errors = {-TEN_MINUTES, 0, TEN_MINUTES};
    var machines = new Machine[errors.length];
    for (int i = 0; i < errors.length; i++) {
      machines[i] = new Machine(world, errors[i], 0);
    }
    int leader = 0;
    machines[leader].clock.lead();
    long last = machines[leader].clock.stamp();
    for (int i = 0; i < 20_000; i++) {
      if (random.nextInt(100) == 0) {
        machines[leader].clock.follow();
        leader = random.nextInt(machines.length);
        machines[leader].clock.lead();
      }
      long passed = random.nextInt(200);
      world.millis += passed;

      long stamp = machines[leader].clock.stamp();
      for (Machine machine : machines) {
        machine.clock.observe(stamp, true);
      }

      assertTrue(stamp >= last, "stamp fell");
      if (i > 0) {
        assertTrue(stamp - last <= passed + passed / 10 + 2, "faster than the slew");
        assertTrue(stamp - last >= passed - passed / 10 - 2, "slower than the slew");
      }
      last = stamp;
    }
  }
}
