package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.Reply;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DeadlineTickerTest {

  private final List<Proposal> proposed = new ArrayList<>();
  private long millis = 1_000_000;
  private boolean leads = true;
  private LogClock clock;
  private DeadlineTicker ticker;

  @BeforeEach
  void begin() {
    clock = new LogClock(0, () -> Instant.ofEpochMilli(millis), () -> millis * 1_000_000);
    clock.lead();
    clock.stamp();
    ticker = new DeadlineTicker(clock, () -> millis * 1_000_000, () -> leads, proposed::add);
  }

  private void pass(long howLong) {
    for (long end = millis + howLong; millis < end; millis += 50) {
      ticker.tick();
    }
  }

  private void end(ProposalOutcome outcome) {
    proposed.get(proposed.size() - 1).done().accept(outcome);
  }

  @Test
  void proposesNothingInAGroupAtRest() {
    pass(60_000);

    assertEquals(List.of(), proposed);
  }

  @Test
  void proposesWhenTheEarliestDeadlineHasPassedAndOnlyOnce() {
    ticker.observe(List.of(new Effect.DueAt(millis + 9_000), new Effect.DueAt(millis + 3_000)));
    pass(2_900);
    assertEquals(0, proposed.size());

    pass(20_000);

    assertEquals(1, proposed.size());
    assertEquals(new Command.AdvanceTime(), proposed.get(0).command());
    end(new ProposalOutcome.Applied(1, new Reply.Done()));
    pass(20_000);
    assertEquals(1, proposed.size());
  }

  @Test
  void proposesAtMostTenTimesASecondWhatBecomesDueOneByOne() {
    ticker.leads();
    for (long end = millis + 10_000; millis < end; millis += 10) {
      int before = proposed.size();
      ticker.tick();
      if (proposed.size() > before) {
        end(new ProposalOutcome.Applied(1, new Reply.Done()));
        ticker.observe(List.of(new Effect.DueAt(millis + 1)));
      }
    }

    assertEquals(100, proposed.size());
  }

  @Test
  void goesOnAtOnceWhileTheCommandLeftSomethingDue() {
    ticker.leads();
    ticker.tick();
    for (int i = 0; i < 10; i++) {
      assertEquals(i + 1, proposed.size());
      end(new ProposalOutcome.Applied(1, new Reply.Done()));
      ticker.observe(List.of(new Effect.DueAt(i % 2 == 0 ? 0 : millis)));
    }
    assertEquals(11, proposed.size());

    // The other way round, as the effects and the outcome come from different hands.
    ticker.observe(List.of(new Effect.DueAt(0)));
    assertEquals(11, proposed.size(), "one at a time");
    end(new ProposalOutcome.Applied(1, new Reply.Done()));
    assertEquals(12, proposed.size());

    end(new ProposalOutcome.Unknown("leader stepped down"));
    ticker.observe(List.of(new Effect.DueAt(0)));
    assertEquals(12, proposed.size(), "a failure is not repeated without a pause");
  }

  @Test
  void triesAgainWhenTheProposalFailedAndIsSilentWhereItDoesNotLead() {
    ticker.leads();
    pass(50);
    end(new ProposalOutcome.Unknown("leader stepped down"));
    leads = false;
    pass(1_000);
    assertEquals(1, proposed.size());

    leads = true;
    pass(200);

    assertEquals(2, proposed.size());
  }
}
