package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Timeline.Span;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * When nobody could be promised anything, told by the answers to sends and settlements: from each
 * fault of a broker until a send that began behind it was acknowledged and {@link #RECOVERY_NANOS}
 * more, in which streams find the new leader; and wherever an answer itself, or the way of an
 * acknowledged message to a reader, took {@link #SLOW_NANOS} or more, as it does on a machine that
 * has too much to do: readers know nothing of leases. Owned by one thread; fed with a history.
 */
final class PauseSpans {

  static final long RECOVERY_NANOS = TimeUnit.SECONDS.toNanos(2);
  static final long SLOW_NANOS = TimeUnit.SECONDS.toNanos(1);

  private record Send(int producer, long seq) {}

  private record Settlement(int consumer, int queue, long offset, Event.Settling how) {}

  private final List<Long> faults;
  private final Map<Send, Long> open = new HashMap<>();
  private final Map<Send, Long> unread = new HashMap<>();
  private final Map<Settlement, Long> settling = new HashMap<>();
  private final List<Span> ofFaults = new ArrayList<>();
  private final List<Span> slow = new ArrayList<>();
  private int nextFault;

  /**
   * @param faults their moments, rising
   */
  PauseSpans(List<Long> faults) {
    this.faults = List.copyOf(faults);
  }

  void event(Event event) {
    if (event instanceof Event.Invoke invoke) {
      open.put(new Send(invoke.producer(), invoke.seq()), invoke.nanos());
    } else if (event instanceof Event.Ok
        || event instanceof Event.Held
        || event instanceof Event.Fail
        || event instanceof Event.Unknown) {
      var end = (Event.OfSend) event;
      Long invoked = open.remove(new Send(end.producer(), end.seq()));
      if (invoked != null) {
        answered(invoked, event.nanos());
        if (event instanceof Event.Ok || event instanceof Event.Held) {
          ok(invoked, event.nanos());
        }
        if (event instanceof Event.Ok) {
          unread.put(new Send(end.producer(), end.seq()), event.nanos());
        }
      }
    } else if (event instanceof Event.Delivered delivered) {
      Long acknowledged = unread.remove(new Send(delivered.producer(), delivered.seq()));
      if (acknowledged != null) {
        answered(acknowledged, delivered.nanos());
      }
    } else if (event instanceof Event.Settles settles) {
      settling.put(
          new Settlement(settles.consumer(), settles.queue(), settles.offset(), settles.how()),
          settles.nanos());
    } else if (event instanceof Event.Settled end) {
      Long invoked =
          settling.remove(new Settlement(end.consumer(), end.queue(), end.offset(), end.how()));
      if (invoked != null) {
        answered(invoked, end.nanos());
      }
    }
  }

  /** Of faults that no send got over, to the end of time. */
  List<Span> spans() {
    var all = new ArrayList<>(ofFaults);
    for (int i = nextFault; i < faults.size(); i++) {
      all.add(new Span(faults.get(i), Long.MAX_VALUE));
    }
    all.addAll(slow);
    return all;
  }

  /** From each fault to the first acknowledgement of a later send. */
  List<Long> faultNanos() {
    return ofFaults.stream().map(s -> s.toNanos() - s.fromNanos() - RECOVERY_NANOS).toList();
  }

  /** Of the slowest answer that no fault explains, 0 if none was slow. */
  long slowestWithoutFaultNanos() {
    return slow.stream()
        .filter(
            span ->
                ofFaults.stream()
                    .noneMatch(
                        fault ->
                            span.fromNanos() < fault.toNanos()
                                && fault.fromNanos() < span.toNanos()))
        .mapToLong(span -> span.toNanos() - span.fromNanos())
        .max()
        .orElse(0);
  }

  private void answered(long invoked, long now) {
    if (now - invoked >= SLOW_NANOS) {
      Span last = slow.isEmpty() ? null : slow.get(slow.size() - 1);
      // Answers come in the order of the history: those of one standstill become one span.
      if (last != null && invoked <= last.toNanos()) {
        slow.set(slow.size() - 1, new Span(Math.min(last.fromNanos(), invoked), now));
      } else {
        slow.add(new Span(invoked, now));
      }
    }
  }

  private void ok(long invoked, long now) {
    while (nextFault < faults.size() && faults.get(nextFault) <= invoked) {
      ofFaults.add(new Span(faults.get(nextFault), now + RECOVERY_NANOS));
      nextFault++;
    }
  }
}
