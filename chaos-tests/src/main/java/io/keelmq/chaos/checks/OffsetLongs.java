package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.List;

/** A number for each offset of each queue, 0 where none was put. Owned by one thread. */
final class OffsetLongs {

  private static final int CHUNK = 1 << 12;

  private final List<List<long[]>> queues = new ArrayList<>();

  void put(int queue, long offset, long value) {
    while (queues.size() <= queue) {
      queues.add(new ArrayList<>());
    }
    List<long[]> chunks = queues.get(queue);
    int chunk = (int) (offset / CHUNK);
    while (chunks.size() <= chunk) {
      chunks.add(new long[CHUNK]);
    }
    chunks.get(chunk)[(int) (offset % CHUNK)] = value;
  }

  long get(int queue, long offset) {
    if (queue < 0 || queue >= queues.size() || offset < 0) {
      return 0;
    }
    List<long[]> chunks = queues.get(queue);
    int chunk = (int) (offset / CHUNK);
    return chunk < chunks.size() ? chunks.get(chunk)[(int) (offset % CHUNK)] : 0;
  }
}
