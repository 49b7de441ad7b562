package io.keelmq.client;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How far a consumer group has come in a topic. Immutable.
 *
 * @param epoch rises when the group is moved by a seek; commits of an older epoch are refused
 * @param offsets by queue, the offset of the next message to read; queues without one are absent
 */
public record CommittedOffsets(long epoch, SortedMap<Integer, Long> offsets) {
  public CommittedOffsets {
    offsets = Collections.unmodifiableSortedMap(new TreeMap<>(offsets));
  }
}
