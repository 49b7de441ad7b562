package io.keelmq.chaos.checks;

/**
 * Every message that is stored or delivered was sent, and its send was not answered with a definite
 * failure.
 */
public final class NoPhantom implements Check {

  private final Ledger ledger;
  private final SendBits delivered = new SendBits();

  public NoPhantom(Ledger ledger) {
    this.ledger = ledger;
  }

  @Override
  public String promise() {
    return "nothing is stored or delivered that was not sent, or whose send failed";
  }

  @Override
  public void event(Event event, Findings findings) {
    if (event instanceof Event.Delivered message) {
      seen(message.producer(), message.key(), message.seq(), event, findings);
    } else if (event instanceof Event.Took message) {
      seen(message.producer(), message.key(), message.seq(), event, findings);
    }
  }

  private void seen(int producer, int key, long seq, Event event, Findings findings) {
    if (!ledger.contains(producer, seq)) {
      findings.add("delivered before or without being sent: " + event);
    } else if (ledger.key(producer, seq) != key) {
      findings.add("delivered with a key it was not sent with: " + event);
    } else {
      delivered.set(producer, seq);
    }
  }

  @Override
  public void stored(Stored message, Findings findings) {
    if (!message.intact()) {
      findings.add("a body that no producer made: " + message);
    } else if (!ledger.contains(message.producer(), message.seq())) {
      findings.add("never sent: " + message);
    } else if (ledger.key(message.producer(), message.seq()) != message.key()) {
      findings.add("sent with another key: " + message);
    } else if (ledger.state(message.producer(), message.seq()) == Ledger.FAILED) {
      findings.add("its send was answered with a definite failure: " + message);
    }
  }

  @Override
  public void end(Findings findings) {
    for (int producer = 0; producer < ledger.producers(); producer++) {
      for (long seq = 0; seq < ledger.sends(producer); seq++) {
        if (ledger.state(producer, seq) == Ledger.FAILED && delivered.get(producer, seq)) {
          findings.add(
              "producer " + producer + " seq " + seq + " was delivered, and its send failed");
        }
      }
    }
  }
}
