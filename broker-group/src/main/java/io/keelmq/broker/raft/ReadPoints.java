package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.closure.ReadIndexClosure;
import io.keelmq.broker.ReadPoint;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Answers "has this replica applied everything that was committed before I asked?" through JRaft's
 * read index: the leader confirms by a round of heartbeats that it still leads.
 *
 * <p>Questions that arrive while {@link #MAX_ROUNDS} rounds are under way join the next one, so a
 * thousand readers cost the leader no more than a few. A round that fails, as in an election, is
 * repeated for those who still have time. Thread-safe; the lock guards the lists and nobody is
 * called while it is held.
 */
final class ReadPoints {

  static final int MAX_WAITING = 10_000;
  static final int MAX_ROUNDS = 4;
  private static final long RETRY_MILLIS = 50;

  /** A round that gets no answer, as from a leader that has just died, is given up after this. */
  private static final long ROUND_MILLIS = 500;

  private static final byte[] NO_CONTEXT = new byte[0];

  /** What is asked of Raft. */
  interface ReadIndex {
    void ask(byte[] context, ReadIndexClosure done);
  }

  private record Question(long deadlineNanos, Consumer<ReadPoint> done) {}

  private final ReadIndex raft;
  private final Replies replies;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanos;

  private List<Question> waiting = new ArrayList<>();
  private int unanswered;
  private int rounds;
  private boolean retryPending;

  ReadPoints(ReadIndex raft, Replies replies, ScheduledExecutorService timer, LongSupplier nanos) {
    this.raft = raft;
    this.replies = replies;
    this.timer = timer;
    this.nanos = nanos;
  }

  /** See {@link io.keelmq.broker.Replica#readPoint}. */
  void ask(long timeoutMillis, Consumer<ReadPoint> done) {
    var question =
        new Question(nanos.getAsLong() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis), done);
    synchronized (this) {
      if (unanswered < MAX_WAITING) {
        unanswered++;
        waiting.add(question);
        question = null;
      }
    }
    if (question != null) {
      done.accept(
          new ReadPoint.NotReached(
              MAX_WAITING + " reads wait for the leader's word already: try again"));
      return;
    }
    nextRound();
  }

  private void nextRound() {
    List<Question> asking;
    synchronized (this) {
      if (waiting.isEmpty() || rounds >= MAX_ROUNDS || retryPending) {
        return;
      }
      rounds++;
      asking = waiting;
      waiting = new ArrayList<>();
    }
    long now = nanos.getAsLong();
    long longest =
        asking.stream().mapToLong(question -> question.deadlineNanos() - now).max().orElse(0);
    long roundMillis = Math.max(1, Math.min(ROUND_MILLIS, TimeUnit.NANOSECONDS.toMillis(longest)));
    var closure =
        new ReadIndexClosure(roundMillis) {
          @Override
          public void run(Status status, long index, byte[] context) {
            ended(asking, status, index);
          }
        };
    try {
      raft.ask(NO_CONTEXT, closure);
    } catch (RuntimeException e) {
      closure.run(new Status(-1, "%s", e.getMessage()));
    }
  }

  private void ended(List<Question> asked, Status status, long index) {
    if (status.isOk()) {
      answer(asked, new ReadPoint.Reached(index));
      synchronized (this) {
        rounds--;
      }
      nextRound();
      return;
    }
    long now = nanos.getAsLong();
    var late = new ArrayList<Question>();
    boolean retry;
    synchronized (this) {
      rounds--;
      for (Question question : asked) {
        (question.deadlineNanos() - now <= 0 ? late : waiting).add(question);
      }
      retry = !waiting.isEmpty() && !retryPending;
      retryPending |= retry;
    }
    answer(late, new ReadPoint.NotReached("no leader confirmed in time: " + status.getErrorMsg()));
    if (retry) {
      retryLater();
    }
  }

  private void retryLater() {
    try {
      timer.schedule(this::retry, RETRY_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      stop();
    }
  }

  private void retry() {
    synchronized (this) {
      retryPending = false;
    }
    nextRound();
  }

  private void answer(List<Question> questions, ReadPoint point) {
    if (questions.isEmpty()) {
      return;
    }
    synchronized (this) {
      unanswered -= questions.size();
    }
    replies.tell(() -> questions.forEach(question -> question.done().accept(point)));
  }

  /** Answers those who still wait; to be called when Raft has ended. */
  void stop() {
    List<Question> left;
    synchronized (this) {
      left = waiting;
      waiting = new ArrayList<>();
    }
    answer(left, new ReadPoint.NotReached("this replica is shutting down"));
  }
}
