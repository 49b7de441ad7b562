package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
import io.keelmq.broker.state.Command.FromReady;
import io.keelmq.broker.state.Command.GrantLeases;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.NaiveMessage.State;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a consumer group has out of a queue, message by message: the rules once more, without
 * batches, rows or indexes. What nobody can know beforehand, the names of leases that are made by
 * the way and how much of a message group becomes free together, is taken from the rows and
 * checked.
 */
final class NaiveLeases {

  final boolean fifo;
  final int maxAttempts;
  int generation;
  long next;
  final TreeMap<Long, NaiveMessage> out = new TreeMap<>();

  /** How often each offset was given up. */
  final Map<Long, Integer> dead = new HashMap<>();

  /** NaiveMessage groups whose batch was used up by the last command. */
  final Set<Long> freed = new TreeSet<>();

  NaiveLeases(boolean fifo, int maxAttempts, long next) {
    this.fifo = fifo;
    this.maxAttempts = maxAttempts;
    this.next = next;
  }

  void seek(long offset) {
    generation++;
    next = offset;
    out.clear();
  }

  /** Judges a grant's reply; {@code first} is the queue's oldest retained offset. */
  void grant(GrantLeases command, Reply.Leased reply, long first, long nowMillis) {
    var expected = new ArrayList<Reply.Lease>();
    if (command.generation() == generation) {
      long gapLeft = Limits.MAX_GRANT_SPAN;
      for (int i = 0; i < command.grants().size(); i++) {
        if (command.grants().get(i) instanceof FromCursor from) {
          gapLeft -= fromCursor(from, i, first, gapLeft, expected);
        } else {
          fromReady((FromReady) command.grants().get(i), i, first, expected);
        }
      }
    }
    assertEquals(expected.size(), reply.leases().size(), expected + " and " + reply);
    for (int i = 0; i < expected.size(); i++) {
      Reply.Lease lease = reply.leases().get(i);
      long deadline = nowMillis + command.invisibleMillis();
      assertEquals(
          new Reply.Lease(
              lease.id(),
              expected.get(i).grant(),
              expected.get(i).offsets(),
              expected.get(i).attempt(),
              deadline),
          lease);
      lease.offsets().forEach(offset -> leased(offset, lease, deadline));
      assertInOrder(lease);
    }
  }

  private void leased(long offset, Reply.Lease lease, long deadline) {
    NaiveMessage message = out.get(offset);
    assertEquals(Optional.empty(), message.lease, "offset " + offset + " is leased twice");
    message.lease = Optional.of(lease.id());
    message.atClient = true;
    message.deadlineMillis = deadline;
  }

  /** In a FIFO group nothing is delivered before an earlier message of its message group. */
  private void assertInOrder(Reply.Lease lease) {
    lease
        .offsets()
        .forEach(
            offset -> {
              long hash = out.get(offset).hash;
              if (hash != 0) {
                out.headMap(offset)
                    .forEach(
                        (earlier, message) ->
                            assertTrue(
                                message.hash != hash
                                    || message.state == State.DOOMED
                                    || lease.offsets().contains(earlier),
                                offset + " is delivered before " + earlier));
              }
            });
  }

  private long fromCursor(
      FromCursor grant, int number, long first, long gapMost, List<Reply.Lease> expected) {
    long retained = Math.max(next, first);
    long gap = Math.max(0, grant.fromOffset() - retained);
    if (grant.toOffset() <= next || gap > (fifo ? 0 : gapMost)) {
      return 0;
    }
    for (long offset = retained; offset < grant.fromOffset(); offset++) {
      out.put(offset, new NaiveMessage(State.READY, 0, 0));
    }
    var free = new TreeSet<Long>();
    for (long offset = Math.max(retained, grant.fromOffset());
        offset < grant.toOffset();
        offset++) {
      free.add(offset);
    }
    next = grant.toOffset();
    for (Candidates candidates : grant.candidates()) {
      long hash = fifo ? candidates.messageGroupHash() : 0;
      boolean held = hash != 0 && isHeld(hash, first);
      var taken = new OffsetSet.Builder();
      candidates
          .offsets()
          .forEach(
              offset -> {
                if (free.remove(offset)) {
                  out.put(
                      offset,
                      new NaiveMessage(held ? State.BLOCKED : State.LEASED, held ? 0 : 1, hash));
                  taken.add(offset, offset + 1);
                }
              });
      if (!held && !taken.build().isEmpty()) {
        expected.add(new Reply.Lease(new LeaseId(0, 0), number, taken.build(), 1, 0));
      }
    }
    return gap;
  }

  private boolean isHeld(long hash, long first) {
    boolean held = false;
    for (long offset : List.copyOf(out.keySet())) {
      NaiveMessage message = out.get(offset);
      if (message.hash == hash && message.state != State.DOOMED) {
        // What retention took goes with the batch that it waited for.
        held |= offset >= first || message.state != State.BLOCKED || !freed.contains(hash);
      }
    }
    if (!held) {
      freed.remove(hash);
      out.values().removeIf(message -> message.hash == hash);
    }
    return held;
  }

  private void fromReady(FromReady grant, int number, long first, List<Reply.Lease> expected) {
    var batch = new TreeMap<Long, NaiveMessage>();
    named(grant.batch())
        .forEach(
            (offset, message) -> {
              if (message.state == State.READY) {
                batch.put(offset, message);
              }
            });
    long hash = batch.isEmpty() ? 0 : batch.firstEntry().getValue().hash;
    if (batch.isEmpty()) {
      return;
    }
    for (long offset : List.copyOf(batch.keySet())) {
      if (offset < first || grant.done().contains(offset)) {
        batch.remove(offset);
        out.remove(offset);
      }
    }
    if (batch.isEmpty()) {
      free(hash);
      return;
    }
    if (hash == 0) {
      for (Candidates candidates : grant.candidates()) {
        if (!fifo || candidates.messageGroupHash() == 0) {
          var taken = new OffsetSet.Builder();
          candidates
              .offsets()
              .forEach(
                  offset -> {
                    if (batch.containsKey(offset)) {
                      taken.add(offset, offset + 1);
                    }
                  });
          lease(taken.build(), number, batch, expected);
        }
      }
      return;
    }
    var taken = new OffsetSet.Builder();
    int count = 0;
    for (long offset : batch.keySet()) {
      boolean wanted =
          grant.candidates().stream()
              .anyMatch(one -> one.messageGroupHash() == hash && one.offsets().contains(offset));
      if (!wanted) {
        break;
      }
      taken.add(offset, offset + 1);
      count++;
    }
    if (count > 0) {
      lease(taken.build(), number, batch, expected);
      batch.values().forEach(message -> block(message, message.attempt));
    }
  }

  private static void lease(
      OffsetSet offsets, int number, Map<Long, NaiveMessage> batch, List<Reply.Lease> expected) {
    if (offsets.isEmpty()) {
      return;
    }
    int attempt = batch.get(offsets.first()).attempt + 1;
    offsets.forEach(
        offset -> {
          NaiveMessage message = batch.remove(offset);
          message.state = State.LEASED;
          message.attempt = attempt;
          message.lease = Optional.empty();
        });
    expected.add(new Reply.Lease(new LeaseId(0, 0), number, offsets, attempt, 0));
  }

  /** Judges the reply to a settlement. */
  void settle(Settlement settlement, Reply.SettledPart reply, boolean current, long nowMillis) {
    NavigableMap<Long, NaiveMessage> batch = current ? named(settlement.lease()) : new TreeMap<>();
    var chosen = new TreeMap<>(batch);
    if (!settlement.offsets().isEmpty()) {
      chosen.keySet().removeIf(offset -> !settlement.offsets().contains(offset));
    }
    if (chosen.isEmpty()
        || chosen.firstEntry().getValue().attempt == 0
        || (settlement.kind() == SettlementKind.EXTEND && !chosen.firstEntry().getValue().atClient)
        || (settlement.kind() == SettlementKind.DISOWN
            && (!chosen.firstEntry().getValue().atClient
                || chosen.firstEntry().getValue().state == State.READY))
        || (chosen.firstEntry().getValue().state == State.DOOMED
            && settlement.kind() != SettlementKind.ACK)) {
      assertEquals(0, reply.messages());
      return;
    }
    if (settlement.kind() == SettlementKind.DISOWN) {
      disown(batch, reply, nowMillis + settlement.millis());
      return;
    }
    assertEquals(chosen.size(), reply.messages(), settlement + " of " + batch.keySet());
    long hash = chosen.firstEntry().getValue().hash;
    switch (settlement.kind()) {
      case ACK -> remove(chosen, batch, hash);
      case NACK -> {
        boolean renamed = hash != 0 && chosen.firstKey().equals(batch.firstKey());
        nack(batch, chosen, settlement.millis(), nowMillis);
        if (renamed) {
          batch.values().forEach(message -> message.lease = Optional.empty());
        }
      }
      case RELEASE -> {
        long from = chosen.firstKey();
        boolean lowest = from == batch.firstKey();
        var released = hash == 0 ? chosen : batch.tailMap(from);
        released
            .values()
            .forEach(
                message -> {
                  if (hash == 0 || lowest) {
                    message.attempt--;
                    message.atClient = false;
                    ready(message);
                    message.lease = Optional.empty();
                  } else {
                    block(message, message.attempt - 1);
                  }
                });
      }
      case DEAD_LETTER -> doom(chosen, batch, hash);
      case DISOWN -> throw new AssertionError("judged above");
      case EXTEND -> {
        var extended = hash == 0 ? chosen : batch;
        long asked = nowMillis + settlement.millis();
        boolean partOfGroup = hash != 0 && chosen.size() < batch.size();
        long before = partOfGroup ? batch.firstEntry().getValue().deadlineMillis : 0;
        assertEquals(Math.max(asked, before), reply.deadlineMillis());
        assertTrue(
            extended.size() < batch.size() || reply.lease().equals(Optional.of(settlement.lease())),
            "a whole lease keeps its name");
        extended
            .values()
            .forEach(
                message -> {
                  message.state = State.LEASED;
                  message.deadlineMillis = reply.deadlineMillis();
                  message.lease = reply.lease();
                });
      }
    }
  }

  private static void disown(
      NavigableMap<Long, NaiveMessage> batch, Reply.SettledPart reply, long latestMillis) {
    long before = batch.firstEntry().getValue().deadlineMillis;
    assertEquals(batch.size(), reply.messages());
    assertEquals(Math.min(before, latestMillis), reply.deadlineMillis());
    batch
        .values()
        .forEach(
            message -> {
              message.atClient = false;
              message.deadlineMillis = reply.deadlineMillis();
            });
  }

  /** Lets time pass for everything that is leased. */
  void expire(long nowMillis) {
    var expired = new TreeMap<String, LeaseId>();
    out.values().stream()
        .filter(message -> message.state == State.LEASED && message.deadlineMillis <= nowMillis)
        .forEach(message -> expired.put(message.lease.get().toString(), message.lease.get()));
    for (LeaseId id : expired.values()) {
      NavigableMap<Long, NaiveMessage> batch = named(id);
      NaiveMessage first = batch.firstEntry().getValue();
      boolean ordered = first.hash != 0;
      boolean atClient = first.atClient;
      nack(
          batch,
          ordered ? new TreeMap<>(batch.headMap(batch.firstKey(), true)) : batch,
          0,
          nowMillis);
      // Who had it may come late.
      batch.values().stream()
          .filter(message -> message.state == State.READY)
          .forEach(message -> message.atClient = atClient);
    }
  }

  private void nack(
      NavigableMap<Long, NaiveMessage> batch,
      NavigableMap<Long, NaiveMessage> chosen,
      long millis,
      long nowMillis) {
    NaiveMessage first = chosen.firstEntry().getValue();
    boolean last = first.attempt >= maxAttempts;
    if (first.hash == 0) {
      if (last) {
        doom(new TreeMap<>(chosen), batch, 0);
      } else {
        boolean apart = chosen.size() < batch.size();
        chosen.values().forEach(message -> giveBack(message, millis, nowMillis, apart));
      }
      return;
    }
    long hash = first.hash;
    long offset = chosen.firstKey();
    boolean lowest = offset == batch.firstKey();
    batch.tailMap(offset, false).values().forEach(message -> block(message, message.attempt - 1));
    if (last) {
      first.state = State.DOOMED;
      first.hash = 0;
      first.lease = Optional.empty();
      if (lowest) {
        free(hash);
      }
    } else if (lowest) {
      giveBack(first, millis, nowMillis, false);
    } else {
      block(first, first.attempt);
    }
  }

  private static void giveBack(NaiveMessage message, long millis, long nowMillis, boolean apart) {
    message.atClient = false;
    if (millis == 0) {
      ready(message);
    } else {
      message.state = State.LEASED;
      message.deadlineMillis = nowMillis + millis;
    }
    if (apart) {
      message.lease = Optional.empty();
    }
  }

  static void ready(NaiveMessage message) {
    message.state = State.READY;
    message.deadlineMillis = 0;
  }

  private static void block(NaiveMessage message, int attempt) {
    message.state = State.BLOCKED;
    message.atClient = false;
    message.attempt = attempt;
    message.lease = Optional.empty();
  }

  private void doom(Map<Long, NaiveMessage> chosen, Map<Long, NaiveMessage> batch, long hash) {
    boolean usedUp = chosen.size() == batch.size();
    chosen
        .values()
        .forEach(
            message -> {
              message.state = State.DOOMED;
              message.hash = 0;
              message.lease = Optional.empty();
            });
    if (usedUp) {
      free(hash);
    }
  }

  private void remove(Map<Long, NaiveMessage> chosen, Map<Long, NaiveMessage> batch, long hash) {
    chosen.keySet().forEach(out::remove);
    if (chosen.size() == batch.size()) {
      free(hash);
    }
  }

  private void free(long hash) {
    if (hash != 0) {
      freed.add(hash);
    }
  }

  private NavigableMap<Long, NaiveMessage> named(LeaseId id) {
    var batch = new TreeMap<Long, NaiveMessage>();
    out.forEach(
        (offset, message) -> {
          if (message.lease.equals(Optional.of(id))) {
            batch.put(offset, message);
          }
        });
    return batch;
  }
}
