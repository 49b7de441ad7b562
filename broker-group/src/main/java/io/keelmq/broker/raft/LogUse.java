package io.keelmq.broker.raft;

import io.keelmq.broker.state.BodyAddress;
import io.keelmq.broker.state.BodyAddresses;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.raftlog.SegmentSummary;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;

/**
 * How much of each sealed segment is live: named by a row. As one reading of all rows found it;
 * what was deleted meanwhile counts as live. Immutable.
 */
final class LogUse {

  private final List<SegmentSummary> segments;
  private final long[] liveBytes;
  private final long totalLiveBytes;

  /**
   * @param segments sealed, oldest first
   * @param liveBytes of each of them
   * @param totalLiveBytes of the whole log
   */
  LogUse(List<SegmentSummary> segments, long[] liveBytes, long totalLiveBytes) {
    this.segments = List.copyOf(segments);
    this.liveBytes = liveBytes.clone();
    this.totalLiveBytes = totalLiveBytes;
  }

  /** Reads all rows; empty if it was stopped. Takes a second for each million of them or so. */
  static Optional<LogUse> read(
      RocksTables store, List<SegmentSummary> segments, BooleanSupplier stopped) {
    var count = new Count(segments);
    store.scan(
        Table.HELD,
        (key, value) -> {
          var held = BodyAddresses.held(key, value);
          count.add(held.address(), held.bytes());
          return !stopped.getAsBoolean();
        });
    store.scan(
        Table.RUNS,
        (key, value) -> {
          var run = BodyAddresses.run(key, value).run();
          count.add(run.address(), run.bytes());
          return !stopped.getAsBoolean();
        });
    return stopped.getAsBoolean()
        ? Optional.empty()
        : Optional.of(new LogUse(segments, count.live, count.total));
  }

  private static final class Count {
    private final long[] lastIndexes;
    private final long[] live;
    private long total;
    private BodyAddress before = new BodyAddress(-1, -1);

    Count(List<SegmentSummary> segments) {
      lastIndexes = segments.stream().mapToLong(SegmentSummary::lastIndex).toArray();
      live = new long[segments.size()];
    }

    void add(BodyAddress address, int bytes) {
      // Dead letters of one run stand in a row, and each has the address of the whole run.
      if (address.equals(before)) {
        return;
      }
      before = address;
      total += bytes;
      int found = Arrays.binarySearch(lastIndexes, address.logIndex());
      int segment = found >= 0 ? found : -found - 1;
      if (segment < live.length) {
        live[segment] += bytes;
      }
    }
  }

  long totalLiveBytes() {
    return totalLiveBytes;
  }

  /**
   * Bytes in which no message lies, of segments that end before {@code index}; without the oldest
   * ones that can be freed as they are.
   */
  long deadBytesBefore(long index) {
    long dead = 0;
    for (int i = oldestLive(); i < segments.size() && segments.get(i).lastIndex() < index; i++) {
      dead += Math.max(0, segments.get(i).bytes() - liveBytes[i]);
    }
    return dead;
  }

  /** Whether something lies in the oldest segment. */
  boolean isOldestLive() {
    return liveBytes.length > 0 && liveBytes[0] > 0;
  }

  /**
   * The last index of the oldest segments that have so many bytes together, of all sealed ones if
   * they have fewer; empty if they are dead already and only wait to be freed.
   */
  OptionalLong trimUpTo(long bytes) {
    long room = 0;
    boolean live = false;
    OptionalLong last = OptionalLong.empty();
    for (int i = 0; i < segments.size() && room < bytes; i++) {
      room += segments.get(i).bytes();
      live |= liveBytes[i] > 0;
      last = OptionalLong.of(segments.get(i).lastIndex());
    }
    return live ? last : OptionalLong.empty();
  }

  private int oldestLive() {
    int i = 0;
    while (i < liveBytes.length && liveBytes[i] == 0) {
      i++;
    }
    return i;
  }

  /**
   * The last index of what should be relocated, so that the segments up to there can be freed: as
   * few of the oldest as are dead by half together and leave no more dead bytes than live ones and
   * {@code slackBytes}. Nothing is, as long as there are no more anyway: whoever relocates sooner
   * copies what lives for long again and again. So the log stays below twice of what is live, and
   * copying costs at most one more byte for each that is sent. All of it comes with one reading:
   * the next one may be far off, and the log must not grow faster than readings come.
   *
   * @param beforeIndex segments that do not end before it cannot be freed
   * @param pressed room is wanted at any price, but for more room than it makes
   * @param mostBytes that may be copied
   */
  OptionalLong relocateUpTo(long beforeIndex, long slackBytes, boolean pressed, long mostBytes) {
    long tooMuch = deadBytesBefore(beforeIndex) - totalLiveBytes - slackBytes;
    if (!pressed && tooMuch <= 0) {
      return OptionalLong.empty();
    }
    long copied = 0;
    long cost = 0;
    long freed = 0;
    long gained = 0;
    OptionalLong upTo = OptionalLong.empty();
    for (int i = oldestLive();
        i < segments.size() && segments.get(i).lastIndex() < beforeIndex;
        i++) {
      copied += liveBytes[i];
      cost += liveBytes[i];
      freed += segments.get(i).bytes();
      if (copied > mostBytes) {
        break;
      }
      if (cost <= freed / 2) {
        upTo = OptionalLong.of(segments.get(i).lastIndex());
        gained += freed - cost;
        if (pressed || gained >= tooMuch) {
          break;
        }
        // What comes next has to be worth it by itself.
        cost = 0;
        freed = 0;
      }
    }
    return upTo;
  }
}
