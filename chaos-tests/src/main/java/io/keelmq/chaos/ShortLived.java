package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Stored;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Judges a topic with a retention: whatever was acknowledged must be read while it is young enough,
 * by a reader that follows the topic and from every replica. Owned by one thread; is fed the whole
 * history first.
 *
 * <p>Ages are counted from the call of the send, which is earlier than the log's time of the
 * message, and are taken for a tenth longer, by which log time may run ahead. So a message that is
 * called young is young.
 */
final class ShortLived {

  private static final double LOG_TIME_AHEAD = 1.1;
  private static final int MOST_EXAMPLES = 10;

  private record Send(int producer, long seq) {}

  private record Place(int queue, long offset) {}

  private record Acked(Send send, long invokedNanos) {}

  private record Range(int queue, long fromOffset, long toOffset, long toldNanos) {}

  private final long retentionNanos;
  private final Map<Send, Long> invoked = new HashMap<>();
  private final Map<Place, Acked> acked = new HashMap<>();
  private final Map<Place, Send> delivered = new HashMap<>();
  private final List<Range> trimmed = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private long lost;
  private long trimmedUnread;
  private long readOfReplicas;

  ShortLived(Duration retention) {
    this.retentionNanos = retention.toNanos();
  }

  void event(Event event) {
    if (event instanceof Event.Invoke one) {
      invoked.put(new Send(one.producer(), one.seq()), one.nanos());
    } else if (event instanceof Event.Ok ok) {
      var send = new Send(ok.producer(), ok.seq());
      var before =
          acked.put(new Place(ok.queue(), ok.offset()), new Acked(send, invoked.get(send)));
      if (before != null) {
        lost("two messages were acknowledged at one place: " + before.send() + " and " + send);
      }
    } else if (event instanceof Event.Delivered one) {
      delivered.put(new Place(one.queue(), one.offset()), new Send(one.producer(), one.seq()));
    }
  }

  /**
   * The reader was told that these went before it came to them.
   *
   * @param toOffset exclusive
   */
  void trimmed(int queue, long fromOffset, long toOffset, long toldNanos) {
    trimmed.add(new Range(queue, fromOffset, toOffset, toldNanos));
  }

  /** What the follower of the topic got, against what was acknowledged. */
  void judgeReader() {
    acked.forEach(
        (place, message) -> {
          Send got = delivered.get(place);
          if (got == null && trimmed.stream().anyMatch(range -> wasOld(range, place, message))) {
            trimmedUnread++;
          } else if (!message.send().equals(got)) {
            lost("the reader, at %s: expected %s, found %s".formatted(place, message.send(), got));
          }
        });
  }

  private boolean wasOld(Range range, Place place, Acked message) {
    return range.queue() == place.queue()
        && place.offset() >= range.fromOffset()
        && place.offset() < range.toOffset()
        && !isYoung(message, range.toldNanos());
  }

  private boolean isYoung(Acked message, long atNanos) {
    return (atNanos - message.invokedNanos()) * LOG_TIME_AHEAD < retentionNanos;
  }

  /** What was young when all of it was read must be among it. */
  void judgeReplica(ReplicaReading reading) {
    Map<Place, Stored> there = new HashMap<>();
    reading.stored().forEach(one -> there.put(new Place(one.queue(), one.offset()), one));
    acked.forEach(
        (place, message) -> {
          Stored one = there.get(place);
          if (one == null ? isYoung(message, reading.readNanos()) : !isIt(one, message.send())) {
            lost(
                "replica %s, at %s: expected %s, found %s"
                    .formatted(reading.replica(), place, message.send(), one));
          }
          readOfReplicas += one == null ? 0 : 1;
        });
  }

  private static boolean isIt(Stored one, Send send) {
    return one.intact() && one.producer() == send.producer() && one.seq() == send.seq();
  }

  private void lost(String what) {
    lost++;
    if (problems.size() < MOST_EXAMPLES) {
      problems.add(what);
    }
  }

  /** One line for all, and some examples; empty: every promise held. */
  List<String> problems() {
    var lines = new ArrayList<String>();
    if (lost > 0) {
      lines.add("BROKEN: " + lost + " messages that were younger than their retention are lost");
      problems.forEach(example -> lines.add("  " + example));
    }
    return lines;
  }

  long acked() {
    return acked.size();
  }

  /** Messages that went by retention before the reader came to them. */
  long trimmedUnread() {
    return trimmedUnread;
  }

  /** Summed over the replicas. */
  long readOfReplicas() {
    return readOfReplicas;
  }
}
