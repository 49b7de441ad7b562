package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.Decision;
import io.keelmq.chaos.checks.Event.Outcome;
import java.util.HashMap;
import java.util.Map;

/**
 * Nobody sees a half message before somebody has begun to commit it; one that was committed is on
 * every replica, one that was rolled back, or that nobody committed, on none. That there is one
 * copy only is told by {@link NoDuplicate}.
 */
public final class Transactions implements Check {

  private final Map<Long, Half> halves = new HashMap<>();
  private final SendBits present = new SendBits();
  private long committed;
  private long rolledBack;

  private static final class Half {
    private final int producer;
    private final long seq;
    private boolean commitBegun;
    private boolean committed;
    private boolean rolledBack;

    Half(int producer, long seq) {
      this.producer = producer;
      this.seq = seq;
    }
  }

  @Override
  public String promise() {
    return "committed messages are seen once, others and those not yet committed never";
  }

  public long committed() {
    return committed;
  }

  public long rolledBack() {
    return rolledBack;
  }

  @Override
  public void event(Event event, Findings findings) {
    if (event instanceof Event.Waits waits && waits.dueMillis() == 0) {
      halves.put(
          LogCatalog.name(waits.producer(), waits.seq()), new Half(waits.producer(), waits.seq()));
    } else if (event instanceof Event.Took took) {
      sees(halves.get(LogCatalog.name(took.producer(), took.seq())), took, findings);
    } else if (event instanceof Event.OfSend send) {
      Half half = halves.get(LogCatalog.name(send.producer(), send.seq()));
      if (half == null) {
        return;
      }
      if (send instanceof Event.Delivered) {
        sees(half, send, findings);
      } else if (send instanceof Event.Decides decides) {
        half.commitBegun |= decides.decision() == Decision.COMMIT;
      } else if (send instanceof Event.Decided decided && decided.outcome() == Outcome.OK) {
        decided(half, decided, findings);
      }
    }
  }

  @Override
  public void replicaBegins(String replica) {
    present.clear();
  }

  @Override
  public void stored(Stored message, Findings findings) {
    Half half =
        message.intact() ? halves.get(LogCatalog.name(message.producer(), message.seq())) : null;
    if (half == null) {
      return;
    }
    present.set(message.producer(), message.seq());
    if (half.rolledBack) {
      findings.add("was rolled back, and is stored: " + message);
    } else if (!half.commitBegun) {
      findings.add("nobody committed it, and it is stored: " + message);
    }
  }

  @Override
  public void replicaEnds(String replica, Findings findings) {
    for (Half half : halves.values()) {
      if (half.committed && !present.get(half.producer, half.seq)) {
        findings.add(
            "producer %d seq %d was committed; replica %s does not have it"
                .formatted(half.producer, half.seq, replica));
      }
    }
  }

  private void decided(Half half, Event.Decided event, Findings findings) {
    if (event.decision() == Decision.COMMIT) {
      committed += half.committed ? 0 : 1;
      half.committed = true;
    } else if (event.decision() == Decision.ROLLBACK) {
      rolledBack += half.rolledBack ? 0 : 1;
      half.rolledBack = true;
    }
    if (half.committed && half.rolledBack) {
      findings.add("both committed and rolled back: " + event);
    }
  }

  private static void sees(Half half, Event event, Findings findings) {
    if (half != null && half.rolledBack) {
      findings.add("seen after it was rolled back: " + event);
    } else if (half != null && !half.commitBegun) {
      findings.add("seen before anybody committed it: " + event);
    }
  }
}
