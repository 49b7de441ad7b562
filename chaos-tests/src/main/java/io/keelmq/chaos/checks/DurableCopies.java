package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.List;

/**
 * Every message that was acknowledged lies on at least so many disks, as they are right behind a
 * power cut: before any replica starts and gets from another what it lost. Owned by one thread.
 *
 * <p>Feed it the history up to the cut, then the messages of each disk.
 */
public final class DurableCopies {

  private final int needed;
  private final Ledger ledger = new Ledger();
  private final List<SendBits> disks = new ArrayList<>();

  /**
   * @param needed disks, a majority
   */
  public DurableCopies(int needed) {
    this.needed = needed;
  }

  public void event(Event event) {
    ledger.accept(event);
  }

  /** From here on {@link #present} tells of another disk. */
  public void diskBegins() {
    disks.add(new SendBits());
  }

  /** A disk has this message. */
  public void present(int producer, long seq) {
    if (ledger.contains(producer, seq)) {
      disks.get(disks.size() - 1).set(producer, seq);
    }
  }

  /**
   * What became of the acknowledged messages.
   *
   * @param tooFew those on fewer disks than needed, those on none among them
   * @param nowhere those on no disk
   */
  public record Count(long acked, long tooFew, long nowhere, List<String> examples) {
    public Count {
      examples = List.copyOf(examples);
    }
  }

  public Count count() {
    var lacking = new Findings();
    long nowhere = 0;
    for (int producer = 0; producer < ledger.producers(); producer++) {
      for (long seq = 0; seq < ledger.sends(producer); seq++) {
        if (ledger.state(producer, seq) != Ledger.OK) {
          continue;
        }
        int copies = copies(producer, seq);
        nowhere += copies == 0 ? 1 : 0;
        if (copies < needed) {
          lacking.add(
              "producer %d seq %d was acknowledged at queue %d offset %d and lies on %d disks, expected %d"
                  .formatted(
                      producer,
                      seq,
                      ledger.queue(producer, seq),
                      ledger.offset(producer, seq),
                      copies,
                      needed));
        }
      }
    }
    return new Count(ledger.acked(), lacking.count(), nowhere, lacking.examples());
  }

  private int copies(int producer, long seq) {
    int copies = 0;
    for (SendBits disk : disks) {
      copies += disk.get(producer, seq) ? 1 : 0;
    }
    return copies;
  }
}
