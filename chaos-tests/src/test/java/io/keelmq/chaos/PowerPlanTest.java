package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.PowerPlan.Kind;
import io.keelmq.chaos.PowerPlan.Moment;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PowerPlanTest {

  private static final int DRAWS = 200;

  private final Random random = ChaosPlan.givenOrNewSeed().random();

  private int draw(int from, int to) {
    return from + random.nextInt(to - from);
  }

  @Test
  void mixedDrawsEveryMoment() {
    assertEquals(
        EnumSet.complementOf(EnumSet.of(Moment.MIXED)), moments(plan(List.of(Moment.MIXED))));
  }

  @Test
  void drawsNoMomentThatWasNotAskedFor() {
    assertEquals(
        EnumSet.of(Moment.TRUNCATE, Moment.ADOPT),
        moments(plan(List.of(Moment.TRUNCATE, Moment.ADOPT))));
  }

  @Test
  void refusesNoMomentAtAll() {
    assertThrows(IllegalArgumentException.class, () -> plan(List.of()));
  }

  @Test
  void tearsInSomeRoundsOfSeveralMomentsOnly() {
    var mixed = new HashSet<Boolean>();
    PowerPlan one = plan(List.of(Moment.ADOPT));
    for (int i = 0; i < DRAWS; i++) {
      mixed.add(plan(List.of(Moment.MIXED)).drawTorn(this::draw));
      assertFalse(one.drawTorn(this::draw));
    }

    assertEquals(Set.of(true, false), mixed);
  }

  @Test
  void tearsInEveryRoundWhereItWasAskedForButNeverACanarys() {
    var asked = new PowerPlan(1, Kind.ALL, List.of(Moment.MIXED), true, false);
    var canary = new PowerPlan(1, Kind.ALL, List.of(Moment.MIXED), true, true);
    for (int i = 0; i < DRAWS; i++) {
      assertTrue(asked.drawTorn(this::draw));
      assertFalse(canary.drawTorn(this::draw));
    }
  }

  private static PowerPlan plan(List<Moment> moments) {
    return new PowerPlan(1, Kind.ALL, moments, false, false);
  }

  private Set<Moment> moments(PowerPlan plan) {
    var moments = EnumSet.noneOf(Moment.class);
    for (int i = 0; i < DRAWS; i++) {
      moments.add(plan.drawMoment(this::draw));
    }
    return moments;
  }
}
