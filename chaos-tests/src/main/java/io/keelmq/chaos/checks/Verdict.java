package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * All checks over one run. Owned by one thread; feed it as {@link Check} tells, then call {@link
 * #problems}.
 */
public final class Verdict {

  private final Ledger ledger = new Ledger();
  private final NoAckedLoss loss = new NoAckedLoss(ledger);
  private final DigestsAgree digests;
  private final List<Check> checks;
  private final List<Findings> findings = new ArrayList<>();
  private int replicasRead;
  private boolean ended;

  public Verdict(int replicas) {
    this(replicas, ledger -> List.of());
  }

  /**
   * @param more checks beside the usual ones
   */
  public Verdict(int replicas, Function<Ledger, List<Check>> more) {
    digests = new DigestsAgree(replicas);
    checks =
        new ArrayList<>(
            List.of(
                loss,
                new NoPhantom(ledger),
                new OnePayloadPerOffset(),
                new NoDuplicate(ledger),
                new KeyOrder(),
                new DenseOffsets(),
                digests));
    checks.addAll(more.apply(ledger));
    checks.forEach(check -> findings.add(new Findings()));
  }

  public void event(Event event) {
    ledger.accept(event);
    for (int i = 0; i < checks.size(); i++) {
      checks.get(i).event(event, findings.get(i));
    }
  }

  public void replicaBegins(String replica) {
    checks.forEach(check -> check.replicaBegins(replica));
  }

  public void stored(Stored message) {
    for (int i = 0; i < checks.size(); i++) {
      checks.get(i).stored(message, findings.get(i));
    }
  }

  public void replicaEnds(String replica) {
    replicasRead++;
    for (int i = 0; i < checks.size(); i++) {
      checks.get(i).replicaEnds(replica, findings.get(i));
    }
  }

  public void digest(String replica, long index, String digest) {
    digests.digest(replica, index, digest);
  }

  /** Of all rows that a replica held behind an entry. */
  public void sum(String replica, long index, String sum) {
    digests.sum(replica, index, sum);
  }

  public Ledger ledger() {
    return ledger;
  }

  /** Of {@link NoAckedLoss}: messages that are nowhere, as opposed to elsewhere. */
  public long goneMessages() {
    return loss.gone();
  }

  public int replicasRead() {
    return replicasRead;
  }

  /**
   * Everything that is wrong, one line for each broken promise and each example; empty: all holds.
   */
  public List<String> problems() {
    if (!ended) {
      ended = true;
      for (int i = 0; i < checks.size(); i++) {
        checks.get(i).end(findings.get(i));
      }
    }
    var lines = new ArrayList<String>();
    ledger.misuse().forEach(what -> lines.add("the history is broken: " + what));
    for (int i = 0; i < checks.size(); i++) {
      Findings found = findings.get(i);
      if (found.count() > 0) {
        lines.add("BROKEN: " + checks.get(i).promise() + " (" + found.count() + " times)");
        found.examples().forEach(example -> lines.add("  " + example));
      }
    }
    return lines;
  }

  /** How often each promise was broken, in the order of the checks. */
  public List<String> broken() {
    var names = new ArrayList<String>();
    problems();
    for (int i = 0; i < checks.size(); i++) {
      if (findings.get(i).count() > 0) {
        names.add(checks.get(i).getClass().getSimpleName());
      }
    }
    return names;
  }
}
