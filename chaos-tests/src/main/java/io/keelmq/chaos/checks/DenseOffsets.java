package io.keelmq.chaos.checks;

import java.util.Map;
import java.util.TreeMap;

/** The offsets of every queue are 0, 1, 2, .. on every replica, up to the same end. */
public final class DenseOffsets implements Check {

  private final Map<Integer, Long> ends = new TreeMap<>();
  private Map<Integer, Long> endsOfFirst;
  private String first;

  @Override
  public String promise() {
    return "offsets are dense from 0 and end at the same place on all replicas";
  }

  @Override
  public void replicaBegins(String replica) {
    ends.clear();
  }

  @Override
  public void stored(Stored message, Findings findings) {
    long expected = ends.getOrDefault(message.queue(), 0L);
    if (message.offset() != expected) {
      findings.add(
          "replica %s queue %d: offset %d, expected %d"
              .formatted(message.replica(), message.queue(), message.offset(), expected));
    }
    ends.put(message.queue(), message.offset() + 1);
  }

  @Override
  public void replicaEnds(String replica, Findings findings) {
    if (endsOfFirst == null) {
      first = replica;
      endsOfFirst = new TreeMap<>(ends);
    } else if (!endsOfFirst.equals(ends)) {
      findings.add(
          "queues end at %s on replica %s and at %s on replica %s"
              .formatted(endsOfFirst, first, ends, replica));
    }
  }
}
