package io.keelmq.chaos;

import io.keelmq.common.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How the disk use of replicas went along with what was written and what of it was still kept, and
 * whether it followed. Owned by one thread.
 *
 * <p>Nothing is asked of how fast it follows: a log may be twice of what is live and two segments,
 * and segments go behind the next snapshots. But a disk that holds most of what was ever written
 * has followed nothing.
 */
final class DiskCourse {

  /** A folder with more than this share of what was written has not followed. */
  private static final double MOST_OF_WRITTEN = 0.75;

  /** Samples of the first part of a run tell little: nothing can have gone yet. */
  private static final double WARM_UP = 1 / 3.0;

  private static final int MOST_TOLD = 40;

  /**
   * @param writtenBytes bodies that were acknowledged so far
   * @param liveBytes those of them that their topics still keep
   */
  record Sample(double second, String node, DiskUse use, long writtenBytes, long liveBytes) {

    /** Of each live byte, what the log has. */
    double ratio() {
      return (double) use.logBytes() / Math.max(1, liveBytes);
    }

    private Json into(Json json) {
      return json.put("log_bytes", use.logBytes())
          .put("row_bytes", use.rowBytes())
          .put("folder_bytes", use.folderBytes())
          .put("live_bytes", liveBytes)
          .put("written_bytes", writtenBytes);
    }

    private Json json() {
      return into(new Json().put("second", second).put("node", node));
    }
  }

  private final SortedMap<String, List<Sample>> samples = new TreeMap<>();

  void add(Sample sample) {
    samples.computeIfAbsent(sample.node(), node -> new ArrayList<>()).add(sample);
  }

  /** One line for each replica whose disk did not follow; empty: all did. */
  List<String> problems() {
    var problems = new ArrayList<String>();
    if (samples.isEmpty()) {
      problems.add("VOID: no disk was looked at");
    }
    samples.forEach(
        (node, all) -> {
          boolean followed =
              warm(all).stream()
                  .anyMatch(s -> s.use().folderBytes() <= MOST_OF_WRITTEN * s.writtenBytes());
          if (!followed) {
            Sample last = last(all);
            problems.add(
                "BROKEN: the disk of %s never fell behind what was written: in the end it has %d bytes of %d written ones, of which %d are live; expected at most %.0f %% at some time"
                    .formatted(
                        node,
                        last.use().folderBytes(),
                        last.writtenBytes(),
                        last.liveBytes(),
                        MOST_OF_WRITTEN * 100));
          }
        });
    return problems;
  }

  /** By replica, what the log had of each live byte in the end and at most, and some samples. */
  Json json() {
    var json = new Json();
    samples.forEach(
        (node, all) -> {
          Sample last = last(all);
          json.put(
              node,
              last.into(
                  new Json()
                      .put("log_to_live_in_the_end", last.ratio())
                      .put("log_to_live_at_most", most(all))));
        });
    return json;
  }

  /** Not more than somebody would look at. */
  List<Json> thinned() {
    List<Sample> all = samples.values().stream().flatMap(List::stream).toList();
    int step = Math.max(1, (all.size() + MOST_TOLD - 1) / MOST_TOLD);
    var told = new ArrayList<Json>();
    for (int i = 0; i < all.size(); i += step) {
      told.add(all.get(i).json());
    }
    return told;
  }

  private static double most(List<Sample> all) {
    return warm(all).stream().mapToDouble(Sample::ratio).max().orElse(0);
  }

  private static List<Sample> warm(List<Sample> all) {
    double from = last(all).second() * WARM_UP;
    return all.stream().filter(sample -> sample.second() >= from).toList();
  }

  private static Sample last(List<Sample> all) {
    return all.get(all.size() - 1);
  }
}
