package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** One bit for each send of a ledger. Owned by one thread. */
final class SendBits {

  private final List<BitSet> producers = new ArrayList<>();

  /** Returns true if the bit was set already. */
  boolean set(int producer, long seq) {
    while (producers.size() <= producer) {
      producers.add(new BitSet());
    }
    BitSet bits = producers.get(producer);
    boolean was = bits.get((int) seq);
    bits.set((int) seq);
    return was;
  }

  boolean get(int producer, long seq) {
    return producer < producers.size() && producers.get(producer).get((int) seq);
  }

  void clear() {
    producers.forEach(BitSet::clear);
  }
}
