package io.keelmq.chaos.checks;

import static io.keelmq.chaos.checks.LeaseScript.MAX_ATTEMPTS;
import static io.keelmq.chaos.checks.LeaseScript.PLAIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import io.keelmq.chaos.checks.LeaseScript.Taken;
import io.keelmq.chaos.checks.RedeliveryExplained.Cause;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Goal: the checks of leases stay silent on all that may happen and speak up on what may not.
 * Method: short histories; each broken one differs from one that holds by a single fault.
 */
class LeaseVerdictTest extends LeaseVerdictFixture {

  @Test
  void deliversAndAcknowledges() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 2).polls(1);
    script.at(10).acks(script.took(1, PLAIN, 0, 1)).acks(script.took(1, PLAIN, 1, 1));

    holds();
    assertEquals(2, script.verdict().deliveries());
  }

  @Test
  void tellsADeliveryBehindItsAcknowledgement() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).acks(script.took(1, PLAIN, 0, 1));
    script.at(9_000).took(2, PLAIN, 0, 2);

    breaks(RedeliveryExplained.class);
  }

  @Test
  void comesAgainWhenTheDeadlineHasPassed() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).took(1, PLAIN, 0, 1);
    script.at(2_010).acks(script.took(2, PLAIN, 0, 2));

    holds();
    assertEquals(Map.of(Cause.DEADLINE, 1L), script.verdict().redeliveries());
  }

  @Test
  void tellsADeliveryBeforeTheDeadline() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).took(1, PLAIN, 0, 1);
    script.at(1_800).acks(script.took(2, PLAIN, 0, 2));

    breaks(RedeliveryExplained.class);
  }

  @Test
  void tellsADeliveryBehindADeadlineThatIsRenewed() {
    script.at(0).joinsRenewing(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).took(1, PLAIN, 0, 1);
    script.at(5_000).acks(script.took(2, PLAIN, 0, 2));

    breaks(RedeliveryExplained.class);
  }

  @Test
  void comesAgainWhenItsConsumerIsKilledOrTheBrokersAre() {
    script.at(0).joinsRenewing(1, PLAIN).joinsRenewing(2, PLAIN).sends(PLAIN, 2);
    script.at(10).took(1, PLAIN, 0, 1);
    script.at(20).took(2, PLAIN, 1, 1);
    script.at(500).dies(1);
    script.at(1_600).acks(script.took(2, PLAIN, 0, 2));
    script.pause(2_000, 4_000).at(3_900).acks(script.took(2, PLAIN, 1, 1));

    holds();
    assertEquals(Map.of(Cause.CONSUMER_LEFT, 1L, Cause.PAUSE, 1L), script.verdict().redeliveries());
  }

  @Test
  void comesAgainBehindTheDelayOfANack() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 1_000, Outcome.OK);
    script.at(1_020).acks(script.took(1, PLAIN, 0, 2));

    holds();
  }

  @Test
  void tellsADeliveryBeforeTheDelayOfANackIsOver() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 1_000, Outcome.OK);
    script.at(500).acks(script.took(1, PLAIN, 0, 2));

    breaks(RedeliveryExplained.class);
  }

  @Test
  void takesALateAcknowledgementOfWhatNobodyElseGot() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    Taken taken = script.at(10).took(1, PLAIN, 0, 1);
    script.at(3_000).acks(taken);

    holds();
  }

  @Test
  void tellsALateAcknowledgementOfWhatSomebodyElseHas() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    Taken first = script.at(10).took(1, PLAIN, 0, 1);
    Taken second = script.at(2_100).took(2, PLAIN, 0, 2);
    script.at(2_200).acks(first).acks(second);

    breaks(RedeliveryExplained.class);
  }

  @Test
  void tellsARefusedAcknowledgementOfALeaseThatHasNotEnded() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.ACK, 0, Outcome.FAIL);
    script.at(2_100).acks(script.took(2, PLAIN, 0, 2));

    breaks(RedeliveryExplained.class);
  }

  @Test
  void toleratesADeliveryThatWasHandedOutWhenItsLeaseHadEnded() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    var early = script.lease();
    script.at(2_100).acks(script.took(2, PLAIN, 0, 2));
    script.at(2_150).tookLate(1, PLAIN, 0, 1, early, -10);
    script.pause(0, 5);

    holds();
    assertEquals(1, script.verdict().redeliveries().get(Cause.HANDED_OUT_LATE));
  }

  @Test
  void tellsTwoLeasesThatAreValidAtOneTime() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    var early = script.lease();
    Taken second = script.at(100).took(2, PLAIN, 0, 1);
    script.at(150).tookLate(1, PLAIN, 0, 1, early, 1_900);
    script.acks(second);

    breaks(RedeliveryExplained.class);
  }

  @Test
  void extendsALease() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    Taken taken = script.at(10).took(1, PLAIN, 0, 1);
    script.at(1_000).settles(taken, Settling.EXTEND, 4_000, Outcome.OK);
    script.at(5_100).acks(script.took(2, PLAIN, 0, 2));

    holds();
  }

  @Test
  void tellsADeliveryBeforeTheEndOfAnExtendedLease() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    Taken taken = script.at(10).took(1, PLAIN, 0, 1);
    script.at(1_000).settles(taken, Settling.EXTEND, 4_000, Outcome.OK);
    script.at(2_500).acks(script.took(2, PLAIN, 0, 2));

    breaks(RedeliveryExplained.class);
  }

  @Test
  void tellsAnAttemptThatDoesNotRise() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 0, Outcome.OK);
    script.at(20).acks(script.took(1, PLAIN, 0, 1));

    breaks(AttemptsExact.class);
  }

  @Test
  void tellsAnAttemptThatIsLeftOutThoughNobodyDied() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 0, Outcome.OK);
    script.at(20).acks(script.took(1, PLAIN, 0, 3));

    breaks(AttemptsExact.class);
  }

  @Test
  void countsAnAttemptThatRanOutAtItsConsumer() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 0, Outcome.OK);
    script.at(2_020).acks(script.took(1, PLAIN, 0, 3));

    holds();
    assertEquals(1, script.verdict().unseenAttempts());
  }

  @Test
  void tellsAnAttemptThatIsLeftOutThoughItsLeaseIsRenewed() {
    script.at(0).joinsRenewing(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 0, Outcome.OK);
    script.at(2_020).acks(script.took(1, PLAIN, 0, 3));

    breaks(AttemptsExact.class);
  }

  @Test
  void countsAttemptsThatDiedWithTheirConsumer() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).dies(2);
    script.at(1_500).acks(script.took(1, PLAIN, 0, 2));

    holds();
    assertEquals(1, script.verdict().unseenAttempts());
  }

  @Test
  void countsAnAttemptOfADeadConsumerWhoseBrokerHadNotNoticed() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).dies(1);
    script.at(900).sends(PLAIN, 1);
    script.at(1_000).acks(script.took(2, PLAIN, 0, 2));

    holds();
    assertEquals(1, script.verdict().unseenAttempts());
  }

  @Test
  void tellsAnAttemptThatIsLeftOutLongAfterAConsumerDied() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).dies(1);
    script.at(1_100).sends(PLAIN, 1);
    script.at(1_200).acks(script.took(2, PLAIN, 0, 2));

    breaks(AttemptsExact.class);
  }

  @Test
  void comesAgainAsTheSameAttemptWhenItWasReleased() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.RELEASE, 0, Outcome.OK);
    script.at(20).acks(script.took(1, PLAIN, 0, 1));

    holds();
  }

  @Test
  void comesAgainAsTheSameAttemptWhenItWasHandedOutWhileItsConsumerWasClosed() {
    script.at(0).joins(1, PLAIN).joins(2, PLAIN).sends(PLAIN, 1);
    script.at(10).closes(1);
    script.at(11).took(1, PLAIN, 0, 1);
    script.at(20).acks(script.took(2, PLAIN, 0, 1));

    holds();
  }

  @Test
  void tellsAReleaseThatCountsAsAnAttempt() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.RELEASE, 0, Outcome.OK);
    script.at(20).acks(script.took(1, PLAIN, 0, 2));

    breaks(AttemptsExact.class);
  }

  @Test
  void tellsMoreAttemptsThanTheGroupHas() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    for (int attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      Taken taken = script.at(10L * attempt).took(1, PLAIN, 0, attempt);
      script.settles(taken, Settling.NACK, 0, Outcome.OK);
    }
    script.at(100).acks(script.took(1, PLAIN, 0, MAX_ATTEMPTS + 1));

    breaks(AttemptsExact.class);
  }

  @Test
  void endsInTheDeadLetterTopicWhenTheAttemptsAreUsedUpOrByDecision() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 2);
    for (int attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      Taken taken = script.at(10L * attempt).took(1, PLAIN, 0, attempt);
      script.settles(taken, Settling.NACK, 0, Outcome.OK);
    }
    script.settles(script.took(1, PLAIN, 1, 1), Settling.DEAD_LETTER, 0, Outcome.OK);
    script.dead(PLAIN, 0, 1);

    holds();
  }

  @Test
  void tellsAMessageThatNeverEnds() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 0, Outcome.OK);

    breaks(EveryMessageEnds.class);
  }

  @Test
  void tellsAMessageThatIsDeadTooEarlyOrTwice() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.NACK, 0, Outcome.OK);
    script.dead(PLAIN, 0, 0);

    breaks(EveryMessageEnds.class);
    assertTrue(script.verdict().problems().get(0).contains("(2 times)"));
  }

  @Test
  void tellsAMessageThatIsBothAcknowledgedAndDead() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).acks(script.took(1, PLAIN, 0, 1)).dead(PLAIN, 0);

    breaks(EveryMessageEnds.class);
  }

  @Test
  void acknowledgementOfUnknownOutcomeMayHold() {
    script.at(0).joins(1, PLAIN).sends(PLAIN, 1);
    script.at(10).settles(script.took(1, PLAIN, 0, 1), Settling.ACK, 0, Outcome.UNKNOWN);

    var verdict = script.verdict();

    assertEquals(List.of(), verdict.problems());
    assertEquals(1, verdict.maybeAcked());
  }

  @Test
  void refusesAHistoryOfAConsumerThatNeverJoined() {
    script.at(0).sends(PLAIN, 1).took(7, PLAIN, 0, 1);

    assertTrue(script.verdict().problems().get(0).startsWith("the history is broken"));
  }
}
