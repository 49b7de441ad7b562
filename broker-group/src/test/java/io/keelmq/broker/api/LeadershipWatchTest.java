package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.api.testing.FakeGroup;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LeadershipWatchTest {

  private final FakeGroup group = new FakeGroup(1, 2);
  private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1);
  private final AtomicInteger refusals = new AtomicInteger();
  private final AtomicInteger told = new AtomicInteger();
  private final Executor calls =
      task -> {
        if (refusals.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
          throw new RejectedExecutionException("full");
        }
        task.run();
      };
  private final LeadershipWatch watch = new LeadershipWatch(group.replica(0), calls, timer);

  @AfterEach
  void stop() {
    timer.shutdownNow();
    group.close();
  }

  @Test
  void tellsOfALeadThatWasTakenBefore() {
    group.elect(0);
    var late = new LeadershipWatch(group.replica(0), calls, timer);
    late.add(told::incrementAndGet);

    late.changed();
    late.changed();

    assertEquals(1, told.get());
  }

  @Test
  void tellsWhatCouldNotBeToldAtOnce() {
    watch.add(told::incrementAndGet);
    refusals.set(3);

    group.elect(0);
    watch.changed();
    group.elect(1);
    watch.changed();

    Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> told.get() > 0);
    assertEquals(0, refusals.get());
    group.elect(0);
    watch.changed();
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> told.get() > 1);
    assertEquals(2, told.get(), "changes that came while one waited are told together");
  }
}
