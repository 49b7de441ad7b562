package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.api.ApiStats;
import io.keelmq.broker.api.Edge;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ClientSessionsTest {

  /** Runs nothing before the test says that its time has come. */
  private final class Timer extends ScheduledThreadPoolExecutor {

    private record Task(long dueMillis, Runnable run) {}

    private final List<Task> tasks = new ArrayList<>();

    Timer() {
      super(1);
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable run, long delay, TimeUnit unit) {
      tasks.add(new Task(nowMillis + unit.toMillis(delay), run));
      return null;
    }

    void runDue() {
      for (Task task : List.copyOf(tasks)) {
        if (task.dueMillis <= nowMillis && tasks.remove(task)) {
          task.run.run();
        }
      }
    }
  }

  private final Timer timer = new Timer();
  private final List<String> gone = new ArrayList<>();
  private long nowMillis = 1_000_000;
  private final ClientSessions sessions =
      new ClientSessions(
          new Edge(
              null,
              null,
              null,
              timer,
              Runnable::run,
              () -> TimeUnit.MILLISECONDS.toNanos(nowMillis),
              new ApiStats()));

  @AfterEach
  void stop() {
    timer.shutdownNow();
  }

  private void pass(long millis) {
    nowMillis += millis;
    timer.runDue();
  }

  private long nanos() {
    return TimeUnit.MILLISECONDS.toNanos(nowMillis);
  }

  private void breakStream(long openedNanos) {
    sessions.streamClosed("c");
    sessions.streamBroke("c", openedNanos, ClientSessions.BROKEN_MILLIS, gone::add);
  }

  @Test
  void cutsAClientThatWasKilled() {
    long openedNanos = nanos();
    sessions.streamOpened("c");
    pass(60_000);
    breakStream(openedNanos);

    pass(4_999);
    assertEquals(List.of(), gone);
    pass(1);
    assertEquals(List.of("c"), gone);
  }

  @Test
  void waitsForAClientThatOpensItsStreamAgain() {
    long openedNanos = nanos();
    sessions.streamOpened("c");
    pass(60_000);
    breakStream(openedNanos);

    pass(1_500);
    sessions.streamOpened("c");
    pass(60_000);

    assertEquals(List.of(), gone);
  }

  @Test
  void cutsAClientThatSaysThatItEndsAfterASecond() {
    sessions.seen("c");
    sessions.left("c", ClientSessions.GONE_MILLIS, gone::add);

    pass(1_000);

    assertEquals(List.of("c"), gone);
  }

  @Test
  void keepsAClientWhoseStreamIsAtAnotherReplicaNow() {
    sessions.seen("c");
    pass(60_000);
    // It reconnected 19 s before the replica where it was noticed.
    sessions.streamOpenedElsewhere("c", 0);
    pass(19_000);

    sessions.streamBroke("c", nanos() - TimeUnit.SECONDS.toNanos(79), 100, gone::add);
    pass(100);

    assertEquals(List.of(), gone);
  }

  @Test
  void cutsAClientWhoseLastStreamBrokeElsewhere() {
    sessions.streamOpenedElsewhere("c", 0);
    pass(60_000);
    sessions.streamOpenedElsewhere("c", 59_800);

    // What is told of the same stream differs by the time that the telling took.
    sessions.streamBroke("c", nanos() - TimeUnit.MILLISECONDS.toNanos(60_400), 100, gone::add);
    pass(100);

    assertEquals(List.of("c"), gone);
  }

  @Test
  void knowsTheAgeOfAStreamThatIsHere() {
    assertEquals(OptionalLong.empty(), sessions.streamAgeMillis("c"));
    sessions.streamOpened("c");
    pass(7_000);
    assertEquals(OptionalLong.of(7_000), sessions.streamAgeMillis("c"));
    sessions.streamClosed("c");
    assertEquals(OptionalLong.empty(), sessions.streamAgeMillis("c"));
  }
}
