package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Timeline.Span;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * When nobody could be promised anything, told by the answers to sends: from each fault of a broker
 * until a send that began behind it was acknowledged and {@link #RECOVERY_NANOS} more, in which
 * consumers find the new leader; and wherever no send at all was acknowledged for {@link
 * #STALL_NANOS}, which the machine's load can bring about. Owned by one thread; fed with a history.
 */
final class PauseSpans {

  static final long RECOVERY_NANOS = TimeUnit.SECONDS.toNanos(2);
  static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(1);

  private record Send(int producer, long seq) {}

  private final List<Long> faults;
  private final Map<Send, Long> open = new HashMap<>();
  private final List<Span> ofFaults = new ArrayList<>();
  private final List<Span> stalls = new ArrayList<>();
  private int nextFault;
  private long lastOk;

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
      boolean acknowledged = event instanceof Event.Ok || event instanceof Event.Held;
      if (acknowledged && invoked != null) {
        ok(invoked, event.nanos());
      }
    }
  }

  /** Of faults that no send got over, to the end of time. */
  List<Span> spans() {
    var all = new ArrayList<>(ofFaults);
    for (int i = nextFault; i < faults.size(); i++) {
      all.add(new Span(faults.get(i), Long.MAX_VALUE));
    }
    all.addAll(stalls);
    return all;
  }

  /** From each fault to the first acknowledgement of a later send. */
  List<Long> faultNanos() {
    return ofFaults.stream().map(s -> s.toNanos() - s.fromNanos() - RECOVERY_NANOS).toList();
  }

  /** Standstills that no fault explains. */
  long unexplainedStalls() {
    return stalls.stream()
        .filter(
            stall ->
                ofFaults.stream()
                    .noneMatch(
                        fault ->
                            stall.fromNanos() < fault.toNanos()
                                && fault.fromNanos() < stall.toNanos()))
        .count();
  }

  private void ok(long invoked, long now) {
    if (lastOk != 0 && now - lastOk >= STALL_NANOS) {
      stalls.add(new Span(lastOk, now + STALL_NANOS));
    }
    lastOk = now;
    while (nextFault < faults.size() && faults.get(nextFault) <= invoked) {
      ofFaults.add(new Span(faults.get(nextFault), now + RECOVERY_NANOS));
      nextFault++;
    }
  }
}
