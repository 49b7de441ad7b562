package io.keelmq.broker.raft;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * Of which term the entries are that were applied since this process began.
 *
 * <p>A follower whose disk is behind can apply an entry out of JRaft's memory while its log still
 * holds, at the same index, an entry of an older leader that is to be cut off. Their terms differ,
 * and nothing else tells them apart.
 *
 * <p>Written by the apply thread, read by any. Nothing survives a crash, and nothing has to: what
 * the rows hold when a process begins was compared with the log.
 */
final class AppliedTerms {

  /** What is older has long been cut off: so many elections do not fit into one stall of a disk. */
  static final int MAX_TERMS = 64;

  /** First index that was applied of each term. */
  private final ConcurrentSkipListMap<Long, Long> terms = new ConcurrentSkipListMap<>();

  /** To be called in the order of the log, before the entry's rows can be read. */
  void applied(long index, long term) {
    Map.Entry<Long, Long> last = terms.lastEntry();
    if (last != null && last.getValue() == term) {
      return;
    }
    terms.put(index, term);
    if (terms.size() > MAX_TERMS) {
      terms.pollFirstEntry();
    }
  }

  /** To be called when log and rows were replaced together: what the log holds now was applied. */
  void clear() {
    terms.clear();
  }

  /** False if another entry than that of {@code term} was applied at {@code index}. */
  boolean fits(long index, long term) {
    Map.Entry<Long, Long> run = terms.floorEntry(index);
    return run == null || run.getValue() == term;
  }
}
