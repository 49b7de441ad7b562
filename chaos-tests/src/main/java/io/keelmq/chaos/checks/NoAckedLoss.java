package io.keelmq.chaos.checks;

/**
 * Every acknowledged message is on every replica, at the queue and offset of its receipt. Tells a
 * message that is gone from one that is there at another place.
 */
public final class NoAckedLoss implements Check {

  private final Ledger ledger;
  private final SendBits present = new SendBits();
  private final SendBits inPlace = new SendBits();
  private long gone;

  public NoAckedLoss(Ledger ledger) {
    this.ledger = ledger;
  }

  @Override
  public String promise() {
    return "no acknowledged message is lost";
  }

  /** How many acknowledged messages are nowhere on some replica, summed over the replicas. */
  public long gone() {
    return gone;
  }

  @Override
  public void replicaBegins(String replica) {
    present.clear();
    inPlace.clear();
  }

  @Override
  public void stored(Stored message, Findings findings) {
    int producer = message.producer();
    long seq = message.seq();
    if (!message.intact() || !ledger.contains(producer, seq)) {
      return;
    }
    present.set(producer, seq);
    if (ledger.state(producer, seq) == Ledger.OK
        && ledger.queue(producer, seq) == message.queue()
        && ledger.offset(producer, seq) == message.offset()) {
      inPlace.set(producer, seq);
    }
  }

  @Override
  public void replicaEnds(String replica, Findings findings) {
    for (int producer = 0; producer < ledger.producers(); producer++) {
      for (long seq = 0; seq < ledger.sends(producer); seq++) {
        if (ledger.state(producer, seq) != Ledger.OK || inPlace.get(producer, seq)) {
          continue;
        }
        boolean elsewhere = present.get(producer, seq);
        if (!elsewhere) {
          gone++;
        }
        findings.add(
            "producer %d seq %d was acknowledged at queue %d offset %d; replica %s %s"
                .formatted(
                    producer,
                    seq,
                    ledger.queue(producer, seq),
                    ledger.offset(producer, seq),
                    replica,
                    elsewhere ? "has it at another place" : "does not have it"));
      }
    }
  }
}
