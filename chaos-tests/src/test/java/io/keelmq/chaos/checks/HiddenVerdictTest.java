package io.keelmq.chaos.checks;

import static io.keelmq.chaos.checks.LeaseScript.MAX_IN_FLIGHT;
import static io.keelmq.chaos.checks.LeaseScript.PLAIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import io.keelmq.chaos.checks.LeaseScript.Taken;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

/**
 * Goal: the check of hidden messages knows who waits for one and what is owed. Method: short
 * histories, as in {@link LeaseVerdictTest}.
 */
class HiddenVerdictTest extends LeaseVerdictFixture {

  @Test
  void tellsANewMessageThatIsHiddenWhileSomebodyWaits() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1).polls(1);
    script.at(2_100).acks(script.took(1, PLAIN, 0, 1));

    breaks(NeverHidden.class);
  }

  @Test
  void owesNothingWhileNobodyWaitsOrTheBrokersAreKilled() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1).polls(1);
    script.at(1_000).polled(1);
    script.at(60_000).polls(1).pause(60_500, 90_000);
    script.at(90_400).acks(script.took(1, PLAIN, 0, 1));

    holds();
    assertEquals(1_900, script.verdict().longestHiddenMillis());
  }

  @Test
  void owesNothingToAConsumerThatHoldsAllThatItMay() {
    script.at(0).joinsRenewing(1, PLAIN).sends(PLAIN, MAX_IN_FLIGHT + 1);
    var held = new ArrayList<Taken>();
    for (int offset = 0; offset < MAX_IN_FLIGHT; offset++) {
      held.add(script.took(1, PLAIN, offset, 1));
    }
    script.polls(1);
    script.at(30_000).acks(held.toArray(Taken[]::new));
    script.at(31_900).acks(script.took(1, PLAIN, MAX_IN_FLIGHT, 1));

    holds();
  }

  @Test
  void owesNothingWhileOthersAreHandedOutOneAfterTheOther() {
    handsOutOthersEvery(200, 4_000);

    holds();
  }

  @Test
  void tellsAMessageThatIsPassedOverForLong() {
    handsOutOthersEvery(200, 30_000);

    breaks(NeverHidden.class);
  }

  private void handsOutOthersEvery(long millis, long forMillis) {
    int others = (int) (forMillis / millis);
    script.at(0).joins(1, PLAIN).sends(PLAIN, others + 1).polls(1);
    for (int offset = 1; offset <= others; offset++) {
      script.at(offset * millis).acks(script.took(1, PLAIN, offset, 1));
    }
    script.acks(script.took(1, PLAIN, 0, 1));
  }

  @Test
  void doesNotLookForAMessageThatDiedWithAConsumerThatNeverHandedItOut() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 0, Outcome.OK);
    script.polls(1).at(20).dies(2);
    script.at(30_000).polled(1).dead(PLAIN, 0).pause(15, 25);

    holds();
  }

  @Test
  void owesNothingOfWhatMayBeAcknowledgedThoughItIsExtendedBehindThat() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    Taken taken = script.at(10).took(1, PLAIN, 0, 1);
    script.at(20).tells(taken, Settling.EXTEND, 1_000);
    script.at(30).settles(taken, Settling.ACK, 0, Outcome.UNKNOWN);
    script.at(40).answered(taken, Settling.EXTEND, Outcome.OK).polls(2);
    script.at(60_000).polled(2);

    holds();
  }

  @Test
  void tellsAMessageThatIsHiddenFromAConsumerWhoseLeasesHaveEnded() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, MAX_IN_FLIGHT + 1);
    for (int offset = 0; offset < MAX_IN_FLIGHT; offset++) {
      script.took(1, PLAIN, offset, 1);
    }
    script.polls(1);
    script.at(LeaseScript.LEASE_MILLIS + 2_700).acks(script.took(1, PLAIN, MAX_IN_FLIGHT, 1));

    assertTrue(
        script.verdict().broken().contains("NeverHidden"), script.verdict().problems()::toString);
  }

  @Test
  void tellsAMessageThatIsHiddenBehindItsLease() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).took(1, PLAIN, 0, 1);
    script.at(20).polls(2);
    script.at(4_200).acks(script.took(2, PLAIN, 0, 2));

    breaks(NeverHidden.class);
  }

  @Test
  void tellsAMessageThatIsHiddenBehindTheDeathOfItsConsumer() {
    script.at(0).joinsRenewing(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).took(1, PLAIN, 0, 1);
    script.at(20).polls(2).dies(1);
    script.at(3_200).acks(script.took(2, PLAIN, 0, 2));

    breaks(NeverHidden.class);
  }

  @Test
  void tellsAMessageThatStaysHidden() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 2).polls(1);
    script.at(10).acks(script.took(1, PLAIN, 0, 1));
    script.at(5_000).polled(1);

    breaks(NeverHidden.class, EveryMessageEnds.class);
  }
}
