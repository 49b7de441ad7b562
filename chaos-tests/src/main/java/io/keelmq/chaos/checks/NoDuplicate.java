package io.keelmq.chaos.checks;

/** On no replica is a message at two places, and no reader was handed one from two places. */
public final class NoDuplicate implements Check {

  private final Ledger ledger;
  private final SendBits onReplica = new SendBits();
  private final SendBits delivered = new SendBits();

  public NoDuplicate(Ledger ledger) {
    this.ledger = ledger;
  }

  @Override
  public String promise() {
    return "no message is stored or delivered twice";
  }

  @Override
  public void event(Event event, Findings findings) {
    if (event instanceof Event.Delivered message
        && ledger.contains(message.producer(), message.seq())
        && delivered.set(message.producer(), message.seq())) {
      findings.add("delivered again: " + message);
    }
  }

  @Override
  public void replicaBegins(String replica) {
    onReplica.clear();
  }

  @Override
  public void stored(Stored message, Findings findings) {
    if (message.intact()
        && ledger.contains(message.producer(), message.seq())
        && onReplica.set(message.producer(), message.seq())) {
      findings.add("stored again: " + message);
    }
  }
}
