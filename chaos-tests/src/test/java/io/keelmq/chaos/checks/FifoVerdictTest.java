package io.keelmq.chaos.checks;

import static io.keelmq.chaos.checks.LeaseScript.FIFO;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import io.keelmq.chaos.checks.LeaseScript.Taken;
import io.keelmq.chaos.checks.RedeliveryExplained.Cause;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Goal: the checks of FIFO groups stay silent on all that may happen and speak up on what may not.
 * Method: short histories; each broken one differs from one that holds by a single fault.
 */
class FifoVerdictTest extends LeaseVerdictFixture {

  @Test
  void deliversAMessageGroupInOrder() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 3).polls(2);
    Taken first = script.at(10).took(1, FIFO, 0, 1);
    Taken second = script.took(1, FIFO, 1, 1, first.lease());
    script.at(1_900).acks(first).acks(second);
    script.at(2_000).acks(script.took(2, FIFO, 2, 1));

    holds();
  }

  @Test
  void tellsAMessageThatOvertakesItsGroup() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 2);
    Taken first = script.at(10).took(1, FIFO, 0, 1);
    Taken second = script.at(20).took(2, FIFO, 1, 1);
    script.at(30).acks(first).acks(second);

    breaks(GroupOrder.class);
  }

  @Test
  void passesAMessageThatDiedWithAConsumerThatNeverHandedItOut() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 2);
    script.at(10).settles(script.took(1, FIFO, 0, 1), Settling.NACK, 0, Outcome.OK);
    // Its last attempts went to this one.
    script.at(20).dies(2);
    script.at(1_500).acks(script.took(1, FIFO, 1, 1)).dead(FIFO, 0);
    script.pause(15, 25);

    holds();
  }

  @Test
  void tellsAMessageThatComesAgainThoughAnotherHasPassedIt() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 2);
    script.at(10).settles(script.took(1, FIFO, 0, 1), Settling.NACK, 0, Outcome.OK);
    script.at(1_500).acks(script.took(1, FIFO, 1, 1));
    script.at(1_600).acks(script.took(1, FIFO, 0, 2));

    breaks(GroupOrder.class);
  }

  @Test
  void tellsAMessageWhosePredecessorWasNeverDelivered() {
    script.at(0).joins(1, FIFO).sends(FIFO, 2);
    script.at(10).acks(script.took(1, FIFO, 1, 1));
    script.at(20).acks(script.took(1, FIFO, 0, 1));

    breaks(GroupOrder.class);
  }

  @Test
  void owesNoOrderToWhatIsHandedOutWhenItsLeaseHadEnded() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 2);
    var early = script.lease();
    Taken first = script.at(2_100).took(2, FIFO, 0, 2);
    script.pause(0, 5).at(2_150).tookLate(1, FIFO, 1, 1, early, -10);
    script.at(2_200).acks(first).acks(script.took(2, FIFO, 1, 2));

    holds();
  }

  @Test
  void comesAgainBehindOneThatWasGivenBackThoughOthersBetweenThemAreDone() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 3);
    Taken first = script.at(10).took(1, FIFO, 0, 1);
    Taken second = script.took(1, FIFO, 1, 1, first.lease());
    script.acks(second);
    script.settles(first, Settling.NACK, 0, Outcome.OK);
    Taken third = script.at(11).took(1, FIFO, 2, 1, first.lease());
    script.settles(third, Settling.ACK, 0, Outcome.FAIL);
    script.at(20).acks(script.took(2, FIFO, 0, 2));
    script.at(30).acks(script.took(2, FIFO, 2, 1));

    holds();
  }

  @Test
  void tellsALeaseThatIsHandedOutOutOfOrder() {
    script.at(0).joins(1, FIFO).sends(FIFO, 3);
    Taken first = script.at(10).took(1, FIFO, 0, 1);
    Taken third = script.took(1, FIFO, 2, 1, first.lease());
    Taken second = script.took(1, FIFO, 1, 1, first.lease());
    script.at(20).acks(first).acks(second).acks(third);

    breaks(GroupOrder.class);
  }

  @Test
  void messagesBehindANackWaitForItAndCountNoAttempt() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 2).polls(2);
    Taken first = script.at(10).took(1, FIFO, 0, 1);
    script.took(1, FIFO, 1, 1, first.lease());
    script.at(20).settles(first, Settling.NACK, 5_000, Outcome.OK);
    script.at(5_100).acks(script.took(2, FIFO, 0, 2));
    script.at(6_000).acks(script.took(2, FIFO, 1, 1));

    holds();
    assertEquals(Map.of(Cause.NACK, 1L, Cause.BLOCKED, 1L), script.verdict().redeliveries());
  }

  @Test
  void tellsAMessageThatOvertakesANackedOne() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 2);
    Taken first = script.at(10).took(1, FIFO, 0, 1);
    script.took(1, FIFO, 1, 1, first.lease());
    script.at(20).settles(first, Settling.NACK, 5_000, Outcome.OK);
    script.at(1_000).acks(script.took(2, FIFO, 1, 1));
    script.at(5_100).acks(script.took(2, FIFO, 0, 2));

    breaks(GroupOrder.class);
  }

  @Test
  void messagesOfALeaseMayBeAcknowledgedInAnyOrderAndTheNextWaitsForAllOfThem() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 3).polls(2);
    Taken first = script.at(10).took(1, FIFO, 0, 1);
    script.acks(script.took(1, FIFO, 1, 1, first.lease()));
    script.at(1_990).settles(first, Settling.EXTEND, 5_000, Outcome.OK);
    script.at(6_000).acks(first);
    script.at(6_100).acks(script.took(2, FIFO, 2, 1));

    holds();
    assertEquals(100, script.verdict().longestHiddenMillis());
  }

  @Test
  void tellsAMessageThatStaysHiddenBehindOneThatIsAcknowledged() {
    script.at(0).joins(1, FIFO).joins(2, FIFO).sends(FIFO, 2).polls(2);
    script.at(10).acks(script.took(1, FIFO, 0, 1));
    script.at(2_100).acks(script.took(2, FIFO, 1, 1));

    breaks(NeverHidden.class);
  }
}
