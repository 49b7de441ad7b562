package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.NaiveMessage.State;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/** Compares what the model says with the rows, and lets the model learn what only rows can tell. */
final class NaiveLeasesCheck {

  private NaiveLeasesCheck() {}

  /**
   * Compares with the rows.
   *
   * @param batches all of the generation
   * @param blocked by offset: attempts so far
   */
  static void check(
      NaiveLeases naive, List<LeaseBatch> batches, Map<Long, Integer> blocked, long first) {
    var byOffset = new TreeMap<Long, LeaseBatch>();
    for (LeaseBatch batch : batches) {
      batch
          .offsets()
          .forEach(
              offset ->
                  assertTrue(
                      byOffset.put(offset, batch) == null && !blocked.containsKey(offset),
                      "offset " + offset + " stands in two rows"));
    }
    naive.freed.forEach(hash -> freed(naive, hash, byOffset, blocked, first));
    naive.freed.clear();
    for (long offset : List.copyOf(naive.out.keySet())) {
      NaiveMessage message = naive.out.get(offset);
      if (message.state == State.DOOMED && !byOffset.containsKey(offset)) {
        naive.out.remove(offset);
        naive.dead.merge(offset, 1, Integer::sum);
      } else if (message.state == State.BLOCKED) {
        assertEquals(message.attempt, blocked.get(offset), "attempts of blocked " + offset);
      } else {
        LeaseBatch batch = byOffset.get(offset);
        assertTrue(batch != null, "offset " + offset + " is lost, was " + message.state);
        assertEquals(message.state.name(), batch.state().name(), "state of " + offset);
        assertEquals(message.attempt, batch.attempt(), "attempts of " + offset);
        assertEquals(message.hash, batch.hash(), "message group of " + offset);
        assertTrue(
            message.state != State.LEASED || message.deadlineMillis == batch.deadlineMillis(),
            "deadline of " + offset);
        if (message.lease.isEmpty()) {
          message.lease = Optional.of(batch.id());
        }
        assertEquals(batch.id(), message.lease.get(), "lease of " + offset);
      }
    }
    var standing = new TreeSet<>(byOffset.keySet());
    standing.addAll(blocked.keySet());
    assertEquals(naive.out.keySet(), standing, "what is out");
  }

  /** The first blocked messages are ready together; those that retention took may be dropped. */
  private static void freed(
      NaiveLeases naive,
      long hash,
      Map<Long, LeaseBatch> byOffset,
      Map<Long, Integer> blocked,
      long first) {
    Optional<LeaseBatch> batch = Optional.empty();
    for (long offset : List.copyOf(naive.out.keySet())) {
      NaiveMessage message = naive.out.get(offset);
      if (message.hash != hash || message.state != State.BLOCKED) {
        continue;
      }
      boolean stands = byOffset.containsKey(offset) || blocked.containsKey(offset);
      if (offset < first && !stands) {
        naive.out.remove(offset);
      } else if (batch.isEmpty()) {
        batch = Optional.ofNullable(byOffset.get(offset));
        assertTrue(batch.isPresent(), "the first blocked of a free message group is not ready");
        assertEquals(LeaseBatch.State.READY, batch.get().state());
        NaiveLeases.ready(message);
      } else if (batch.get().offsets().contains(offset)) {
        NaiveLeases.ready(message);
      } else {
        return;
      }
    }
  }
}
