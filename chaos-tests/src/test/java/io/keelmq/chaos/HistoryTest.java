package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Event.Decision;
import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import io.keelmq.chaos.checks.Stored;
import io.keelmq.chaos.checks.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryTest {

  @TempDir Path dir;
  private final AtomicLong nanos = new AtomicLong();

  @Test
  void replaysWhatHappenedInOrder() throws IOException {
    var events = new ArrayList<Event>();

    try (var history = History.create(dir.resolve("history"), nanos::incrementAndGet)) {
      history.invoke(1, 2, 3);
      history.ok(1, 3, 4, 5);
      history.fail(6, 7);
      history.unknown(8, 9);
      history.delivered(1, 2, 3, 4, 5);
      history.seal();
      history.unknown(10, 11);
      history.replay(events::add);
    }

    assertEquals(
        List.of(
            new Event.Invoke(1, 2, 3, 1),
            new Event.Ok(1, 3, 4, 5, 2),
            new Event.Fail(6, 7, 3),
            new Event.Unknown(8, 9, 4),
            new Event.Delivered(1, 2, 3, 4, 5, 5)),
        events);
  }

  @Test
  void replaysWhatHappenedSoFarAndGoesOn() throws IOException {
    var soFar = new ArrayList<Event>();
    var all = new ArrayList<Event>();

    try (var history = History.create(dir.resolve("history"), nanos::incrementAndGet)) {
      history.invoke(1, 2, 3);
      history.replaySoFar(soFar::add);
      history.unknown(1, 3);
      history.seal();
      history.replay(all::add);
    }

    assertEquals(List.of(new Event.Invoke(1, 2, 3, 1)), soFar);
    assertEquals(2, all.size());
  }

  @Test
  void mergesTheFilesOfProcessesByTimeAndReadsEveryKindOfEvent() throws IOException {
    var lease = new LeaseName(2, 1L << 40, 3);
    Path first = dir.resolve("first");
    Path second = dir.resolve("second");
    List<LongFunction<Event>> all =
        List.of(
            now -> new Event.Waits(1, 2, 3, now),
            now -> new Event.Held(1, 2, now),
            now -> new Event.Decides(1, 2, Decision.RECALL, now),
            now -> new Event.Decided(1, 2, Decision.ROLLBACK, Outcome.UNKNOWN, now),
            now -> new Event.Joins(1, 2, true, now),
            now -> new Event.Leaves(1, true, now),
            now -> new Event.Polls(1, now),
            now -> new Event.Polled(1, now),
            now -> new Event.Took(1, 2, 3, 1L << 33, lease, 4, 1L << 41, 5, -1, 1L << 34, now),
            now -> new Event.Settles(1, 2, 3, 4, lease, Settling.NACK, 500, now),
            now -> new Event.Settled(1, 2, 3, 4, lease, Settling.EXTEND, Outcome.FAIL, now));
    try (var one = History.create(first, nanos::incrementAndGet);
        var other = History.createUnbuffered(second, nanos::incrementAndGet)) {
      for (int i = 0; i < all.size(); i++) {
        (i % 2 == 0 ? one : other).add(all.get(i));
      }
    }
    var events = new ArrayList<Event>();

    History.replayAll(List.of(second, first), events::add);

    var expected = new ArrayList<Event>();
    for (int i = 0; i < all.size(); i++) {
      expected.add(all.get(i).apply(i + 1));
    }
    assertEquals(expected, events);
  }

  @Test
  void leavesOutTheEventThatAKilledProcessWasWriting() throws IOException {
    Path file = dir.resolve("history");
    try (var history = History.createUnbuffered(file, nanos::incrementAndGet)) {
      history.fail(1, 2);
      history.invoke(1, 2, 3);
    }
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 1));
    var events = new ArrayList<Event>();

    History.replayAll(List.of(file), events::add);

    assertEquals(List.of(new Event.Fail(1, 2, 1)), events);
  }

  @Test
  void millionSendsOnThreeReplicasAreJudgedInBoundedMemory() throws IOException {
    int sends = 1_000_000;
    try (var history = History.create(dir.resolve("history"), nanos::incrementAndGet)) {
      for (int seq = 0; seq < sends; seq++) {
        history.invoke(0, seq % 8, seq);
        history.ok(0, seq, seq % 4, seq / 4);
      }
      history.seal();
      var verdict = new Verdict(3);

      history.replay(verdict::event);
      for (String replica : List.of("n1", "n2", "n3")) {
        verdict.replicaBegins(replica);
        for (int seq = 0; seq < sends; seq++) {
          verdict.stored(new Stored(replica, seq % 4, seq / 4, true, 0, seq % 8, seq, seq + 1));
        }
        verdict.replicaEnds(replica);
        verdict.digest(replica, 1, "same");
      }

      assertEquals(List.of(), verdict.problems());
      assertEquals(sends, verdict.ledger().acked());
    }
  }

  @Test
  void payloadIsReadBackAndDamageIsSeen() {
    var payload = new Payload(3, 17, 1L << 33);
    byte[] body = payload.encode(100);

    assertEquals(Optional.of(payload), Payload.decode(body));
    for (int i = 0; i < body.length; i++) {
      body[i] ^= 0x10;
      assertTrue(Payload.decode(body).isEmpty(), "a flipped bit in byte " + i + " went unseen");
      body[i] ^= 0x10;
    }
    assertTrue(Payload.decode(new byte[Payload.MIN_BYTES - 1]).isEmpty());
    assertEquals(Optional.of(payload), Payload.decode(payload.encode(Payload.MIN_BYTES)));
  }

  @Test
  void measuresThePauseAroundEachFault() {
    var pauses = new Pauses(List.of(100L, 1000L));
    pauses.ok(10, 20);
    pauses.ok(90, 95);
    // In flight at the fault, answered soon after it; the standstill comes then.
    pauses.ok(98, 110);
    pauses.ok(99, 400);
    pauses.ok(300, 410);
    pauses.ok(990, 999);
    pauses.ok(1001, 1005);

    assertEquals(
        List.of(new Pauses.Pause(100, 589, 310), new Pauses.Pause(1000, 6, 5)), pauses.pauses());
  }

  @Test
  void quantilesAreOfTheValuesThemselves() {
    var values = List.of(5L, 1L, 3L, 2L, 4L);

    assertEquals(3, Pauses.quantile(values, 0.5));
    assertEquals(5, Pauses.quantile(values, 0.99));
    assertEquals(5, Pauses.quantile(values, 1));
    assertEquals(0, Pauses.quantile(List.of(), 0.5));
  }
}
