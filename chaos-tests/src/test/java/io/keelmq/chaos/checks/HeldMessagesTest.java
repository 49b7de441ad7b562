package io.keelmq.chaos.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.chaos.checks.Event.Decision;
import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Goal: the checks of delayed and half messages stay silent on what may happen and speak up on what
 * may not. Method: a history that holds, to which each test adds one message that does not.
 *
 * <p>Delayed messages are of producer 0 and queue 0, half messages of producer 1 and queue 1; one
 * pause lasts from 20 s to 25 s.
 */
class HeldMessagesTest {

  private static final long WALL = 1_000_000;
  private static final List<String> REPLICAS = List.of("n1", "n2", "n3");

  private final List<Event> history = new ArrayList<>();
  private final List<Stored> log = new ArrayList<>();
  private final long[] nextSeq = new long[2];
  private final long[] ends = new long[2];
  private DueTimes dueTimes;
  private Transactions transactions;

  HeldMessagesTest() {
    delivered(100, 0, delayed(0, 5_000), 5_010);
    // Late by what the brokers were being killed.
    delivered(200, 0, delayed(0, 21_000), 25_900);
    long recalled = delayed(0, 9_000);
    decides(3_000, 0, recalled, Decision.RECALL, Outcome.OK);
    long tooLate = delayed(0, 4_000);
    decides(3_990, 0, tooLate, Decision.RECALL, Outcome.FAIL);
    delivered(300, 0, tooLate, 4_010);
    long committed = half(0);
    decides(100, 1, committed, Decision.COMMIT, Outcome.OK);
    delivered(400, 1, committed, 110);
    decides(100, 1, half(0), Decision.ROLLBACK, Outcome.OK);
    half(0);
    // Committed or not, nobody knows.
    decides(100, 1, half(0), Decision.COMMIT, Outcome.UNKNOWN);
  }

  @Test
  void cleanRunHasNoProblems() {
    assertEquals(List.of(), verdict().problems());
    assertEquals(3, dueTimes.seen());
    assertEquals(1, dueTimes.recalled());
    assertEquals(900, dueTimes.latestMillis());
    assertEquals(10, dueTimes.earliestMillis());
    assertEquals(1, transactions.committed());
    assertEquals(1, transactions.rolledBack());
  }

  @Test
  void tellsADelayedMessageThatIsEarly() {
    delivered(500, 0, delayed(0, 5_000), 4_800);

    assertEquals(List.of("DueTimes"), verdict().broken());
  }

  @Test
  void tellsADelayedMessageThatAConsumerHasEarly() {
    long seq = delayed(0, 5_000);
    took(0, seq, 4_800);
    delivered(500, 0, seq, 5_010);

    assertEquals(List.of("DueTimes"), verdict().broken());
  }

  @Test
  void tellsADelayedMessageThatIsLate() {
    delivered(500, 0, delayed(0, 5_000), 6_100);

    assertEquals(List.of("DueTimes"), verdict().broken());
  }

  @Test
  void tellsADelayedMessageThatIsLost() {
    delayed(0, 5_000);

    assertEquals(List.of("DueTimes"), verdict().broken());
  }

  @Test
  void tellsADelayedMessageThatHasTwoPlaces() {
    long seq = delayed(0, 5_000);
    delivered(500, 0, seq, 5_010);
    stored(501, 0, seq);

    assertEquals(List.of("NoDuplicate"), verdict().broken());
  }

  @Test
  void tellsARecalledMessageThatIsSeen() {
    long seq = delayed(0, 5_000);
    decides(3_000, 0, seq, Decision.RECALL, Outcome.OK);
    delivered(500, 0, seq, 5_010);

    assertEquals(List.of("DueTimes"), verdict().broken());
  }

  @Test
  void tellsAHalfMessageThatIsSeenBeforeItsCommit() {
    long seq = half(0);
    delivered(500, 1, seq, 90);
    decides(100, 1, seq, Decision.COMMIT, Outcome.OK);

    assertEquals(List.of("Transactions"), verdict().broken());
  }

  @Test
  void tellsAHalfMessageThatAConsumerHasBeforeItsCommit() {
    long seq = half(0);
    took(1, seq, 90);
    decides(100, 1, seq, Decision.COMMIT, Outcome.OK);
    stored(500, 1, seq);

    assertEquals(List.of("Transactions"), verdict().broken());
  }

  @Test
  void tellsAMessageThatIsSeenThoughItWasRolledBack() {
    long seq = half(0);
    decides(100, 1, seq, Decision.ROLLBACK, Outcome.OK);
    stored(500, 1, seq);

    assertEquals(List.of("Transactions"), verdict().broken());
  }

  @Test
  void tellsAMessageThatIsStoredThoughNobodyCommittedIt() {
    stored(500, 1, half(0));

    assertEquals(List.of("Transactions"), verdict().broken());
  }

  @Test
  void tellsACommittedMessageThatIsLost() {
    decides(100, 1, half(0), Decision.COMMIT, Outcome.OK);

    assertEquals(List.of("Transactions"), verdict().broken());
  }

  @Test
  void tellsACommittedMessageThatIsStoredTwice() {
    long seq = half(0);
    decides(100, 1, seq, Decision.COMMIT, Outcome.OK);
    stored(500, 1, seq);
    stored(501, 1, seq);

    assertEquals(List.of("NoDuplicate"), verdict().broken());
  }

  @Test
  void tellsAMessageThatIsCommittedAndRolledBack() {
    long seq = half(0);
    decides(100, 1, seq, Decision.COMMIT, Outcome.OK);
    decides(200, 1, seq, Decision.ROLLBACK, Outcome.OK);

    assertEquals(List.of("Transactions"), verdict().broken());
  }

  private long delayed(long millis, long dueMillis) {
    return waits(0, millis, WALL + dueMillis);
  }

  private long half(long millis) {
    return waits(1, millis, 0);
  }

  private long waits(int producer, long millis, long dueMillis) {
    long seq = nextSeq[producer]++;
    history.add(new Event.Invoke(producer, -1, seq, nanos(millis)));
    history.add(new Event.Waits(producer, seq, dueMillis, nanos(millis)));
    history.add(new Event.Held(producer, seq, nanos(millis)));
    return seq;
  }

  private void decides(long millis, int producer, long seq, Decision what, Outcome outcome) {
    history.add(new Event.Decides(producer, seq, what, nanos(millis)));
    history.add(new Event.Decided(producer, seq, what, outcome, nanos(millis)));
  }

  /** Seen by the reader, and stored. */
  private void delivered(int hash, int queue, long seq, long millis) {
    history.add(new Event.Delivered(queue, -1, seq, queue, ends[queue], nanos(millis)));
    stored(hash, queue, seq);
  }

  private void took(int queue, long seq, long millis) {
    history.add(
        new Event.Took(
            1,
            0,
            queue,
            ends[queue],
            new LeaseName(0, 1, 0),
            1,
            WALL + millis + 2_000,
            queue,
            -1,
            seq,
            nanos(millis)));
  }

  private void stored(int hash, int queue, long seq) {
    log.add(new Stored("", queue, ends[queue]++, true, queue, -1, seq, hash));
  }

  private Verdict verdict() {
    var timeline = new Timeline(WALL, List.of(new Timeline.Span(nanos(20_000), nanos(25_000))));
    var verdict =
        new Verdict(
            REPLICAS.size(),
            ledger -> {
              dueTimes = new DueTimes(timeline, ledger, 0);
              transactions = new Transactions();
              return List.of(dueTimes, transactions);
            });
    history.forEach(verdict::event);
    for (String replica : REPLICAS) {
      verdict.replicaBegins(replica);
      log.forEach(
          m ->
              verdict.stored(
                  new Stored(
                      replica,
                      m.queue(),
                      m.offset(),
                      true,
                      m.producer(),
                      -1,
                      m.seq(),
                      m.bodyHash())));
      verdict.replicaEnds(replica);
      verdict.digest(replica, 100, "same");
    }
    return verdict;
  }

  private static long nanos(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }
}
