package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.RaiseLevel;
import io.keelmq.broker.state.testing.StateScript;
import org.junit.jupiter.api.Test;

class FeatureLevelsTest {

  private final StateScript script = new StateScript();

  @Test
  void beginsAtTheFirstLevelWithoutARow() {
    assertEquals(new Features(1, "", 0), script.view.features());
    assertFalse(script.view.features().allows(Feature.RETENTION_BY_SIZE));
  }

  @Test
  void risesByOneAndKeepsWhoRaisedItWhereOverARestart() {
    expect(Reply.Done.class, script.apply(new RaiseLevel(2, "0.2.0")));

    Features two = script.view.features();
    assertEquals(2, two.level());
    assertEquals("0.2.0", two.raisedBy());
    assertEquals(script.view.applied().index(), two.raisedAt());
    assertTrue(two.allows(Feature.RETENTION_BY_SIZE));
    expect(Reply.Done.class, script.restart().apply(new RaiseLevel(3, "0.3.0")));
    assertEquals(3, script.view.features().level());
  }

  @Test
  void leavesNoLevelOut() {
    expectRejected(Rejection.FEATURE_LEVEL, script.apply(new RaiseLevel(3, "0.3.0")));

    assertEquals(1, script.view.features().level());
  }

  @Test
  void neverFallsAndARepeatChangesNothing() {
    script.apply(new RaiseLevel(2, "0.2.0"));
    script.apply(new RaiseLevel(3, "0.3.0"));
    Features before = script.view.features();
    long digest = script.view.applied().digest();

    expect(Reply.Done.class, script.apply(new RaiseLevel(2, "0.2.0")));
    expect(Reply.Done.class, script.apply(new RaiseLevel(3, "0.4.0")));

    assertEquals(before, script.view.features());
    assertEquals(digest, script.view.applied().digest());
  }

  @Test
  void isPartOfTheDigest() {
    var other = new StateScript();
    script.apply(new RaiseLevel(2, "0.2.0"));
    other.apply(new Command.AdvanceTime());

    assertNotEquals(other.view.applied().digest(), script.view.applied().digest());
  }

  @Test
  void tellsWhatAReplicaSupports() {
    assertEquals(new LevelRange(1, 1), LevelRange.told(0, 0));
    assertEquals(new LevelRange(2, 4), LevelRange.told(2, 4));
    assertEquals(new LevelRange(1, 2), new LevelRange(1, 3).heldAt(2));
    assertEquals(new LevelRange(1, 3), new LevelRange(1, 3).heldAt(9));
    assertTrue(new LevelRange(2, 3).covers(3));
    assertFalse(new LevelRange(2, 3).covers(1));
    assertFalse(new LevelRange(2, 3).covers(4));
    assertEquals("1 to 2", new LevelRange(1, 2).toString());
    assertThrows(IllegalArgumentException.class, () -> new LevelRange(2, 1));
  }

  @Test
  void refusesWhatTheGroupHasNotReachedAlsoWithAnOrigin() {
    var origin = new CommandOrigin(1, 1);

    expectRejected(Rejection.FEATURE_LEVEL, script.apply(origin, new RaiseLevel(4, "0.4.0")));
    script.apply(new RaiseLevel(2, "0.2.0"));

    assertEquals(2, script.view.features().level());
  }
}
