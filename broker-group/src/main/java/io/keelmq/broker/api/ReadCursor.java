package io.keelmq.broker.api;

import io.keelmq.broker.state.StateView.StoredRun;
import java.util.ArrayDeque;

/** How far a read stream has come in one queue. Owned by the pass of its stream. */
final class ReadCursor {

  final ParkedReads.Key key;
  final ParkedReads.Waiter waiter;

  /** The offset of the next message to deliver. */
  long next;

  /** Exclusive; without follow, reading ends here. */
  final long end;

  /** Runs that hold `next` and what follows, as far as they were looked up. */
  final ArrayDeque<StoredRun> runs = new ArrayDeque<>();

  boolean parked;

  /** Tries in a row at an entry that is not in the local log. */
  int tries;

  ReadCursor(ParkedReads.Key key, ParkedReads.Waiter waiter, long next, long end) {
    this.key = key;
    this.waiter = waiter;
    this.next = next;
    this.end = end;
  }

  int queue() {
    return key.queue();
  }

  boolean isFinished() {
    return next >= end;
  }

  void moveTo(long offset) {
    next = offset;
    while (!runs.isEmpty() && runs.peek().firstOffset() + runs.peek().count() <= next) {
      runs.remove();
    }
  }
}
