package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.held;
import static io.keelmq.broker.state.testing.StateScript.time;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.HeardCheck;
import io.keelmq.broker.state.Command.Placing;
import io.keelmq.broker.state.Command.RaiseLevel;
import io.keelmq.broker.state.StateView.HeldCounts;
import io.keelmq.broker.state.StateView.HeldRun;
import io.keelmq.broker.state.testing.StateScript;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which check-backs of a half message count towards giving it up. */
class HeardChecksTest {

  private static final long MINUTE = 60_000;

  private final StateScript script = new StateScript();
  private long deals;
  private HeldId half;

  @BeforeEach
  void makeTopic() {
    script.topic("deals", 1, TopicType.TRANSACTION);
    deals = script.view.topic("deals").orElseThrow().id();
  }

  private void send() {
    var stored =
        expect(
            Reply.Stored.class,
            script.apply(batch("p", 1, held("deals", 0, 100, Placing.onCommit(0)))));
    half = stored.held().get(0).orElseThrow();
  }

  @Test
  void whatNobodyHearsIsAskedForMostOfADayAndMoreAndMoreRarely() {
    script.raised();
    send();
    var pauses = new ArrayList<Long>();
    long before = time(0);
    while (script.view.heldCounts().waiting() > 0) {
      long due = script.view.nextDueMillis().orElseThrow();
      pauses.add(due - before);
      before = due;
      script.restart().at(due - time(0)).apply(new Command.AdvanceTime());
    }

    assertEquals(Limits.MAX_MISSED_CHECKS + 1, pauses.size());
    assertEquals(Limits.FIRST_CHECK_MILLIS, pauses.get(0));
    assertEquals(
        Collections.nCopies(Limits.MAX_CHECKS, Limits.CHECK_INTERVAL_MILLIS),
        pauses.subList(1, Limits.MAX_CHECKS + 1));
    assertEquals(
        List.of(MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE, 16 * MINUTE),
        pauses.subList(Limits.MAX_CHECKS + 1, Limits.MAX_CHECKS + 7));
    long hours = (before - time(0)) / (60 * MINUTE);
    assertTrue(hours >= 21 && hours <= 23, hours + " hours");
    assertEquals(new HeldCounts(0, 1), script.view.heldCounts());
    expectRejected(
        Rejection.TRANSACTION_DECIDED,
        script.apply(new Command.EndTransaction("deals", half, true)));
  }

  @Test
  void oneThatIsHeardIsFollowedByTheNextSoon() {
    script.raised();
    send();
    for (int check = 1; check <= Limits.MAX_CHECKS + 4; check++) {
      ask();
    }
    long asked = script.view.applied().timeMillis();
    assertEquals(asked + 8 * MINUTE, script.view.nextDueMillis().orElseThrow());

    script.at(asked + 1_000 - time(0));
    hear(Limits.MAX_CHECKS + 4);

    assertEquals(
        asked + 1_000 + Limits.CHECK_INTERVAL_MILLIS, script.view.nextDueMillis().orElseThrow());
    ask();
    assertEquals(
        script.view.applied().timeMillis() + Limits.CHECK_INTERVAL_MILLIS,
        script.view.nextDueMillis().orElseThrow());
    assertEquals(1, run().heard());
  }

  @Test
  void fifteenThatWereHeardAreEnough() {
    script.raised();
    send();
    for (int check = 1; check <= Limits.MAX_CHECKS; check++) {
      ask();
      ask();
      hear(2 * check - 1);
      assertEquals(check - 1, run().heard(), "it was not the last one");
      hear(2 * check);
      hear(2 * check);
      assertEquals(check, run().heard(), "and counts once");
    }
    assertEquals(2 * Limits.MAX_CHECKS, run().checks());

    ask();

    assertEquals(new HeldCounts(0, 1), script.view.heldCounts());
  }

  @Test
  void whatCountedBeforeTheLevelWasReachedCountsStill() {
    send();
    for (int check = 1; check <= 7; check++) {
      ask();
    }
    expectRejected(Rejection.FEATURE_LEVEL, script.apply(heard(7)));
    assertEquals(7, run().heard());
    script.apply(new RaiseLevel(2, "x"));
    ask();
    script.apply(new RaiseLevel(Feature.HEARD_CHECKS.level(), "x"));

    ask();

    assertEquals(9, run().checks());
    assertEquals(8, run().heard());
    hear(9);
    assertEquals(9, run().heard());
  }

  @Test
  void nothingElseIsChanged() {
    script.raised();
    script.topic("later", 1, TopicType.DELAY);
    long later = script.view.topic("later").orElseThrow().id();
    send();
    var delayed =
        expect(
                Reply.Stored.class,
                script.apply(batch("p", 2, held("later", 0, 100, Placing.at(time(900_000))))))
            .held()
            .get(0)
            .orElseThrow();
    ask();
    var before = script.view.held(later, delayed);

    expect(
        Reply.Done.class,
        script.apply(
            new Command.HeardChecks(
                List.of(
                    new HeardCheck(later, delayed, 0),
                    new HeardCheck(later, half, 1),
                    new HeardCheck(deals, half, 0),
                    new HeardCheck(deals, half, 2),
                    new HeardCheck(99, half, 1)))));
    expectRejected(
        Rejection.INVALID,
        script.apply(
            new Command.HeardChecks(
                Collections.nCopies(Limits.MAX_HEARD_CHECKS + 1, new HeardCheck(deals, half, 1)))));

    assertEquals(before, script.view.held(later, delayed));
    assertEquals(0, run().heard());
  }

  /** Lets the next check come due. */
  private void ask() {
    script
        .at(script.view.nextDueMillis().orElseThrow() - time(0))
        .outcome(Optional.empty(), new Command.AdvanceTime());
  }

  private void hear(int check) {
    expect(Reply.Done.class, script.apply(heard(check)));
  }

  private Command heard(int check) {
    return new Command.HeardChecks(List.of(new HeardCheck(deals, half, check)));
  }

  private HeldRun run() {
    return script.view.held(deals, half).orElseThrow();
  }
}
