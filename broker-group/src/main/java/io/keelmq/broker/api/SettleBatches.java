package io.keelmq.broker.api;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.Reply;
import io.keelmq.v1.Code;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Settlements on their way into the log, merged into one command for each queue: while {@link
 * #MAX_IN_FLIGHT} commands are in flight, those that follow gather.
 *
 * <p>What is turned away because too much is in flight, or whose end is unknown, is proposed again
 * after a pause: settling twice is harmless. When this replica leads no more, nothing is told any
 * more. How many settlements wait is bounded by those who add them. Owned by one turn or pass,
 * which {@code owner} runs tasks in.
 */
final class SettleBatches {

  static final int MAX_IN_FLIGHT = 8;

  /** Of offset ranges in one command, so that an entry keeps its usual size. */
  private static final int MAX_RANGES = 8_192;

  /** Told once for each settlement, in the owner's turn. */
  interface Decided {
    void by(Reply.SettledPart part);

    void refused(Refusal why);
  }

  private record Queue(int queue, int generation) {}

  private record Waiting(Command.Settlement settlement, Decided decided) {}

  private final Edge edge;
  private final String consumerGroup;
  private final String topic;
  private final OptionalLong term;
  private final Executor owner;
  private final Map<Queue, ArrayDeque<Waiting>> waiting = new LinkedHashMap<>();
  private int inFlight;
  private boolean pausing;
  private boolean over;

  /**
   * @param term in which alone it proposes; absent for what was decided elsewhere, whoever leads
   */
  SettleBatches(Edge edge, String consumerGroup, String topic, OptionalLong term, Executor owner) {
    this.edge = edge;
    this.consumerGroup = consumerGroup;
    this.topic = topic;
    this.term = term;
    this.owner = owner;
  }

  /** To be followed by {@link #flush}. */
  void add(LeaseKey lease, Command.Settlement settlement, Decided decided) {
    waiting
        .computeIfAbsent(new Queue(lease.queue(), lease.generation()), key -> new ArrayDeque<>())
        .add(new Waiting(settlement, decided));
  }

  boolean isIdle() {
    return over || (inFlight == 0 && waiting.isEmpty());
  }

  /** Nothing more is proposed or told. */
  void stop() {
    over = true;
    waiting.clear();
  }

  void flush() {
    while (!over && !pausing && inFlight < MAX_IN_FLIGHT && !waiting.isEmpty()) {
      Iterator<Map.Entry<Queue, ArrayDeque<Waiting>>> oldest = waiting.entrySet().iterator();
      Map.Entry<Queue, ArrayDeque<Waiting>> entry = oldest.next();
      Queue queue = entry.getKey();
      ArrayDeque<Waiting> rest = entry.getValue();
      List<Waiting> batch = take(rest);
      oldest.remove();
      if (!rest.isEmpty()) {
        // The other queues have their turn first.
        waiting.put(queue, rest);
      }
      propose(queue, batch);
    }
  }

  private static List<Waiting> take(ArrayDeque<Waiting> from) {
    var batch = new ArrayList<Waiting>();
    int ranges = 0;
    while (!from.isEmpty() && batch.size() < Limits.MAX_SETTLEMENTS) {
      ranges += from.peek().settlement().offsets().ranges();
      if (ranges > MAX_RANGES && !batch.isEmpty()) {
        break;
      }
      batch.add(from.remove());
    }
    return batch;
  }

  private void propose(Queue queue, List<Waiting> batch) {
    inFlight++;
    var settlements = new ArrayList<Command.Settlement>(batch.size());
    for (Waiting one : batch) {
      settlements.add(one.settlement());
    }
    edge.replica()
        .propose(
            new Proposal(
                Optional.empty(),
                new Command.SettleLeases(
                    consumerGroup, topic, queue.queue(), queue.generation(), settlements),
                List.of(),
                outcome -> owner.execute(() -> ended(queue, batch, outcome)),
                term));
  }

  private void ended(Queue queue, List<Waiting> batch, ProposalOutcome outcome) {
    inFlight--;
    if (over) {
      return;
    }
    if (outcome instanceof ProposalOutcome.Applied applied) {
      tell(batch, applied.reply());
    } else if (outcome instanceof ProposalOutcome.NotProposed notProposed) {
      switch (notProposed.reason()) {
        case NOT_LEADER, SHUTTING_DOWN -> stop();
        case OVERLOADED, DISK_FULL -> again(queue, batch);
        case TOO_LARGE, FEATURE_LEVEL -> refuse(batch, ReplyMapper.refusal(notProposed));
      }
    } else {
      again(queue, batch);
    }
    flush();
  }

  private void tell(List<Waiting> batch, Reply reply) {
    if (reply instanceof Reply.Settled settled && settled.parts().size() == batch.size()) {
      edge.stats().settleCommands.increment();
      for (int i = 0; i < batch.size(); i++) {
        batch.get(i).decided().by(settled.parts().get(i));
      }
    } else {
      refuse(
          batch,
          reply instanceof Reply.Rejected rejected
              ? ReplyMapper.refusal(rejected)
              : ReplyMapper.unexpected(reply));
    }
  }

  private static void refuse(List<Waiting> batch, Refusal why) {
    for (Waiting one : batch) {
      one.decided().refused(why);
    }
  }

  private void again(Queue queue, List<Waiting> batch) {
    ArrayDeque<Waiting> behind = waiting.computeIfAbsent(queue, key -> new ArrayDeque<>());
    for (int i = batch.size() - 1; i >= 0; i--) {
      behind.addFirst(batch.get(i));
    }
    if (pausing) {
      return;
    }
    pausing = true;
    try {
      edge.timer()
          .schedule(
              () -> owner.execute(this::paused),
              Edge.OVERLOAD_PAUSE.toMillis(),
              TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The replica is ending, and its streams with it.
      stop();
    }
  }

  private void paused() {
    pausing = false;
    flush();
  }

  /** What a part that was not there any more reads. */
  static Code code(Reply.SettledPart part) {
    return part.messages() > 0 ? Code.OK : Code.LEASE_NOT_FOUND;
  }
}
