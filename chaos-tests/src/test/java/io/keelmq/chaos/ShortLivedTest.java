package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Stored;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Ten messages, one sent each second, of a topic that keeps them for five. */
class ShortLivedTest {

  private static final int MESSAGES = 10;

  private final ShortLived judge = new ShortLived(Duration.ofSeconds(5));

  private static long at(double seconds) {
    return (long) (seconds * TimeUnit.SECONDS.toNanos(1));
  }

  @BeforeEach
  void send() {
    for (int i = 0; i < MESSAGES; i++) {
      judge.event(new Event.Invoke(0, 0, i, at(i)));
      judge.event(new Event.Ok(0, i, 0, i, at(i + 0.1)));
    }
  }

  private void deliver(int from, int to) {
    for (int i = from; i < to; i++) {
      judge.event(new Event.Delivered(0, 0, i, 0, i, at(i + 0.2)));
    }
  }

  private static List<Stored> stored(int from, int to) {
    var stored = new ArrayList<Stored>();
    for (int i = from; i < to; i++) {
      stored.add(new Stored("n1", 0, i, true, 0, 0, i, i));
    }
    return stored;
  }

  /** In second 10. */
  private static ReplicaReading reading(List<Stored> stored) {
    return new ReplicaReading("n1", stored, at(10));
  }

  private void assertLost(int count) {
    List<String> problems = judge.problems();
    assertTrue(
        problems.get(0).startsWith("BROKEN: " + count + " messages that were younger"),
        problems::toString);
  }

  @Test
  void whatWentInItsTimeIsNotLost() {
    deliver(0, 2);
    judge.trimmed(0, 2, 4, at(9));
    deliver(4, MESSAGES);

    judge.judgeReader();
    judge.judgeReplica(reading(stored(6, MESSAGES)));

    assertEquals(List.of(), judge.problems());
    assertEquals(2, judge.trimmedUnread());
    assertEquals(4, judge.readOfReplicas());
  }

  @Test
  void aMessageThatTheReaderNeverGotIsFound() {
    deliver(0, 3);
    deliver(4, MESSAGES);

    judge.judgeReader();

    assertLost(1);
  }

  @Test
  void aMessageThatWentBeforeItsTimeIsFound() {
    deliver(0, 2);
    // That of second 3 is four seconds old.
    judge.trimmed(0, 2, 4, at(7));
    deliver(4, MESSAGES);

    judge.judgeReader();

    assertLost(1);
  }

  @Test
  void aYoungMessageThatAReplicaLacksIsFound() {
    judge.judgeReplica(reading(stored(7, MESSAGES)));

    assertLost(1);
  }

  @Test
  void anotherMessageInItsPlaceIsFound() {
    var stored = stored(5, MESSAGES);
    stored.set(2, new Stored("n1", 0, 7, true, 0, 0, 8, 8));
    stored.set(3, new Stored("n1", 0, 8, false, 0, 0, 8, 8));

    judge.judgeReplica(reading(stored));

    assertLost(2);
  }
}
