package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.closure.ReadIndexClosure;
import io.keelmq.broker.ReadPoint;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReadPointsTest {

  private final List<ReadIndexClosure> rounds = Collections.synchronizedList(new ArrayList<>());
  private final List<ReadPoint> answers = Collections.synchronizedList(new ArrayList<>());
  private final Replies replies = new Replies("test");
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final ReadPoints points =
      new ReadPoints((context, done) -> rounds.add(done), replies, timer, System::nanoTime);

  @AfterEach
  void end() throws InterruptedException {
    timer.shutdownNow();
    replies.stop();
  }

  private void ask() {
    points.ask(60_000, answers::add);
  }

  private void confirm(int round, long index) {
    rounds.get(round).setResult(index, new byte[0]);
    rounds.get(round).run(Status.OK());
  }

  @Test
  void gathersQuestionsBehindRoundsUnderWay() {
    for (int i = 0; i < ReadPoints.MAX_ROUNDS + 100; i++) {
      ask();
    }
    assertEquals(ReadPoints.MAX_ROUNDS, rounds.size());

    confirm(0, 7);

    assertEquals(ReadPoints.MAX_ROUNDS + 1, rounds.size());
    confirm(ReadPoints.MAX_ROUNDS, 9);
    await().atMost(30, SECONDS).until(() -> answers.size() == 101);
    assertEquals(new ReadPoint.Reached(7), answers.get(0));
    assertEquals(new ReadPoint.Reached(9), answers.get(100));
  }

  @Test
  void asksAgainWhenNobodyLeads() {
    ask();

    rounds.get(0).run(new Status(1, "no leader"));

    await().atMost(30, SECONDS).until(() -> rounds.size() == 2);
    confirm(1, 3);
    await().atMost(30, SECONDS).until(() -> answers.equals(List.of(new ReadPoint.Reached(3))));
  }

  @Test
  void givesUpWhenTheTimeIsOver() {
    points.ask(1, answers::add);

    // The round ends by its own time limit, which is the question's.
    await().atMost(30, SECONDS).until(() -> answers.size() == 1);

    assertInstanceOf(ReadPoint.NotReached.class, answers.get(0));
  }

  @Test
  void refusesMoreThanMayWaitAndAnswersAllAtTheEnd() {
    for (int i = 0; i < ReadPoints.MAX_WAITING; i++) {
      ask();
    }

    ask();

    assertEquals(1, answers.size());
    assertInstanceOf(ReadPoint.NotReached.class, answers.get(0));
    points.stop();
    // All but those whose rounds Raft will end.
    await()
        .atMost(30, SECONDS)
        .until(() -> answers.size() == 1 + ReadPoints.MAX_WAITING - ReadPoints.MAX_ROUNDS);
  }
}
