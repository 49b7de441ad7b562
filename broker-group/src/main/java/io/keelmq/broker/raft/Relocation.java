package io.keelmq.broker.raft;

import io.keelmq.broker.MessageLog;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.BodyAddress;
import io.keelmq.broker.state.BodyAddresses;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.HeldKey;
import io.keelmq.broker.state.Command.RunKey;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.failpoint.Failpoint;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Copies what lies in the oldest segments to the head of the log, in the order in which it lies, so
 * that each entry is read once. Only a leader does, and nothing of it is kept: the next one reads
 * the rows and goes on with what is left. A body is written once for all rows that have its
 * address.
 *
 * <p>Owned by the thread that makes room.
 */
final class Relocation {

  /** Records in one command, but for a run that is larger. */
  static final int BATCH_BYTES = 1 << 20;

  /** Rows that are gathered in one reading; what is more comes with the next. */
  private static final int MAX_PLANNED_ROWS = 65_536;

  /** Rows that one copy is made for; more get another one. */
  private static final int ROWS_OF_BODY = Limits.MAX_RELOCATED_ROWS / 2;

  private record Place(BodyAddress address, int bytes) {}

  private record Planned(Place place, List<RunKey> runs, List<HeldKey> held) {

    int rows() {
      return runs.size() + held.size();
    }
  }

  private final RocksTables store;
  private final MessageLog log;
  private final Consumer<Proposal> proposer;
  private final RetentionCounters counters;
  private final ArrayDeque<Planned> planned = new ArrayDeque<>();

  Relocation(
      RocksTables store, MessageLog log, Consumer<Proposal> proposer, RetentionCounters counters) {
    this.store = store;
    this.log = log;
    this.proposer = proposer;
    this.counters = counters;
  }

  /** Whether there is anything left to copy of what was planned. */
  boolean isPlanned() {
    return !planned.isEmpty();
  }

  void forget() {
    planned.clear();
  }

  /** Gathers what lies at or below {@code lastIndex}, or the first part of it. */
  void plan(long lastIndex, BooleanSupplier stopped) {
    var places = new HashMap<Place, Planned>();
    var rows = new int[1];
    store.scan(
        Table.HELD,
        (key, value) -> {
          var held = BodyAddresses.held(key, value);
          if (held.address().logIndex() <= lastIndex) {
            of(places, new Place(held.address(), held.bytes())).held().add(held.key());
            rows[0]++;
          }
          return rows[0] < MAX_PLANNED_ROWS && !stopped.getAsBoolean();
        });
    store.scan(
        Table.RUNS,
        (key, value) -> {
          var run = BodyAddresses.run(key, value);
          if (run.run().logIndex() <= lastIndex) {
            of(places, new Place(run.run().address(), run.run().bytes())).runs().add(run.key());
            rows[0]++;
          }
          return rows[0] < MAX_PLANNED_ROWS && !stopped.getAsBoolean();
        });
    planned.clear();
    places.values().stream()
        .sorted(
            Comparator.comparingLong((Planned one) -> one.place().address().logIndex())
                .thenComparingInt(one -> one.place().address().position()))
        .forEach(this::add);
  }

  private static Planned of(Map<Place, Planned> places, Place place) {
    return places.computeIfAbsent(
        place, same -> new Planned(same, new ArrayList<>(1), new ArrayList<>(0)));
  }

  private void add(Planned one) {
    if (one.rows() <= ROWS_OF_BODY) {
      planned.add(one);
      return;
    }
    for (int from = 0; from < one.runs().size(); from += ROWS_OF_BODY) {
      int to = Math.min(one.runs().size(), from + ROWS_OF_BODY);
      planned.add(new Planned(one.place(), one.runs().subList(from, to), List.of()));
    }
    for (HeldKey held : one.held()) {
      planned.add(new Planned(one.place(), List.of(), List.of(held)));
    }
  }

  /**
   * Proposes the next batch.
   *
   * @param mostBytes in it, but for a single run that is larger
   * @param done told how it ended and of how many bytes it was
   * @return false if nothing was left, and nobody will be told
   */
  boolean next(long mostBytes, Ended done) {
    var bodies = new ArrayList<Command.Body>();
    var records = new ArrayList<ByteBuffer>();
    int rows = 0;
    int bytes = 0;
    long entryIndex = -1;
    Optional<ByteBuffer> entry = Optional.empty();
    while (!planned.isEmpty()) {
      Planned one = planned.peek();
      int size = one.place().bytes();
      boolean full =
          bytes + size > Math.min(mostBytes, BATCH_BYTES)
              || rows + one.rows() > Limits.MAX_RELOCATED_ROWS;
      if (full && !bodies.isEmpty()) {
        break;
      }
      planned.remove();
      BodyAddress from = one.place().address();
      if (from.logIndex() != entryIndex) {
        entryIndex = from.logIndex();
        entry = log.entry(entryIndex);
      }
      if (entry.isEmpty()) {
        // Nobody names it any more, or the next reading finds it again.
        continue;
      }
      bodies.add(new Command.Body(from, 0, size, one.runs(), one.held()));
      records.add(entry.get().slice(from.position(), size));
      rows += one.rows();
      bytes += size;
    }
    if (bodies.isEmpty()) {
      return false;
    }
    Failpoint.RELOCATION_DECIDED.hit();
    propose(new Command.RelocateBodies(bodies), records, rows, bytes, done);
    Failpoint.RELOCATION_PROPOSED.hit();
    return true;
  }

  /** How a batch ended. */
  interface Ended {
    void told(ProposalOutcome outcome, int bytes);
  }

  private void propose(
      Command.RelocateBodies command, List<ByteBuffer> records, int rows, int bytes, Ended done) {
    proposer.accept(
        new Proposal(
            Optional.empty(),
            command,
            records,
            outcome -> {
              if (outcome instanceof ProposalOutcome.Applied) {
                counters.relocatedRows.add(rows);
                counters.relocatedBytes.add(bytes);
              }
              done.told(outcome, bytes);
            }));
  }
}
