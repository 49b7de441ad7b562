package io.keelmq.broker.rocketmq;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.HeldCall;
import io.keelmq.broker.api.LeaseKey;
import io.keelmq.broker.api.Refusal;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Status;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Decides delivered messages at the leader. Doing it twice is harmless, so a call whose end was
 * unclear is repeated; what is not there any more then was decided by its first copy, unless it is
 * outstanding under another name. Immutable.
 *
 * @param handles absent where there was none that can be read
 * @param lenient the call was held or comes again: what has run out meanwhile is not its fault
 * @param answer makes the response of one result for each handle
 */
record Settling<R>(
    Edge edge,
    LeaseBook leases,
    String group,
    String topic,
    List<Optional<ReceiptHandle>> handles,
    Command.SettlementKind kind,
    long millis,
    boolean lenient,
    Function<List<Settling.Result>, R> answer)
    implements HeldCall.AtLeader<R> {

  /** What became of one message; {@code handle} names it from now on. */
  record Result(Status status, Optional<ReceiptHandle> handle) {}

  private static final Result INVALID =
      new Result(
          Statuses.of(
              Code.INVALID_RECEIPT_HANDLE,
              "the receipt handle is none of this group and topic, or its message is not hidden"
                  + " any more and goes to others"),
          Optional.empty());

  private record Queue(int queue, int generation) {}

  private record Part(int index, ReceiptHandle handle) {}

  @Override
  public void run(Consumer<HeldCall.Answer<R>> done) {
    if (!settle(done)) {
      // A leader that was just elected may not have applied group and topic yet.
      edge.replica()
          .readPoint(
              Edge.HOLD.toMillis(),
              point ->
                  edge.call(
                      () -> settleAt(point, done),
                      why -> done.accept(new HeldCall.Answer.NotDone<>(why))));
    }
  }

  private void settleAt(ReadPoint point, Consumer<HeldCall.Answer<R>> done) {
    if (point instanceof ReadPoint.NotReached notReached) {
      done.accept(new HeldCall.Answer.NotDone<>(Refusal.noLeader(notReached.message())));
    } else if (!settle(done)) {
      done.accept(
          new HeldCall.Answer.Final<>(answer.apply(handles.stream().map(one -> INVALID).toList())));
    }
  }

  /** False if group or topic are not known here. */
  private boolean settle(Consumer<HeldCall.Answer<R>> done) {
    StateView state = edge.replica().state();
    Optional<StateView.ConsumerGroup> itsGroup = state.consumerGroup(group);
    Optional<Topic> itsTopic = state.topic(topic);
    if (itsGroup.isEmpty() || itsTopic.isEmpty()) {
      return false;
    }
    var results = new Result[handles.size()];
    var parts = new LinkedHashMap<Queue, List<Part>>();
    for (int i = 0; i < handles.size(); i++) {
      Optional<ReceiptHandle> handle =
          handles
              .get(i)
              .filter(one -> one.groupId() == itsGroup.get().id())
              .filter(one -> one.topicId() == itsTopic.get().id())
              .filter(one -> one.lease().queue() < itsTopic.get().queues());
      if (handle.isEmpty() || hasRunOut(state, handle.get())) {
        results[i] = INVALID;
      } else {
        LeaseKey lease = handle.get().lease();
        parts
            .computeIfAbsent(
                new Queue(lease.queue(), lease.generation()), same -> new ArrayList<>())
            .add(new Part(i, handle.get()));
      }
    }
    propose(parts, new Gathering(results, commands(parts), done));
    return true;
  }

  /**
   * Whether the message is not hidden any more, though nobody else has it yet: RocketMQ takes no
   * acknowledgement then. Where the server keeps a lease up, or held the call, it is its own fault.
   */
  private boolean hasRunOut(StateView state, ReceiptHandle handle) {
    if (lenient || handle.renewed() || handle.deadlineMillis() > state.applied().timeMillis()) {
      return false;
    }
    return state
        .batch(handle.groupId(), handle.topicId(), handle.lease().queue(), handle.lease().id())
        .filter(batch -> batch.deadlineMillis() == 0)
        .isPresent();
  }

  private static int commands(Map<Queue, List<Part>> parts) {
    int commands = 0;
    for (List<Part> of : parts.values()) {
      commands += (of.size() + Limits.MAX_SETTLEMENTS - 1) / Limits.MAX_SETTLEMENTS;
    }
    return commands;
  }

  private void propose(Map<Queue, List<Part>> parts, Gathering gathering) {
    gathering.endIfDone();
    parts.forEach(
        (queue, of) -> {
          for (int from = 0; from < of.size(); from += Limits.MAX_SETTLEMENTS) {
            propose(
                queue,
                of.subList(from, Math.min(of.size(), from + Limits.MAX_SETTLEMENTS)),
                gathering);
          }
        });
  }

  private void propose(Queue queue, List<Part> parts, Gathering gathering) {
    var settlements = new ArrayList<Command.Settlement>(parts.size());
    for (Part part : parts) {
      settlements.add(
          new Command.Settlement(
              kind, part.handle().lease().id(), OffsetSet.of(part.handle().offset()), millis));
    }
    edge.replica()
        .propose(
            new Proposal(
                Optional.empty(),
                new Command.SettleLeases(
                    group, topic, queue.queue(), queue.generation(), settlements),
                List.of(),
                outcome ->
                    gathering.add(
                        parts,
                        HeldCall.answer(
                            outcome,
                            reply ->
                                reply instanceof Reply.Settled settled
                                        && settled.parts().size() == parts.size()
                                    ? new HeldCall.Answer.Final<>(settled)
                                    : new HeldCall.Answer.Refused<>(
                                        Refusal.internal(
                                            new IllegalStateException(
                                                "the state machine answered " + reply)))))));
  }

  private Result result(Part part, Reply.SettledPart settled) {
    ReceiptHandle handle = part.handle();
    if (settled.messages() > 0) {
      leases
          .find(handle.groupId(), handle.topicId())
          .ifPresent(book -> book.settled(handle.lease(), taken(handle, settled)));
      return new Result(
          Statuses.OK,
          Optional.of(
              settled
                  .lease()
                  .map(id -> handle.with(handle.lease().withId(id), settled.deadlineMillis()))
                  .orElse(handle)));
    }
    return hasTime(handle) ? new Result(Statuses.OK, Optional.of(handle)) : INVALID;
  }

  private boolean hasTime(ReceiptHandle handle) {
    return lenient
        || handle.renewed()
        || handle.deadlineMillis() > edge.replica().state().applied().timeMillis();
  }

  /**
   * Whether what was not found is looked for. A repeat of putting off may find that its first copy
   * gave the message another name; and to a dead letter that somebody else has now SDKs would hear
   * anything but OK with another try at once, for ever.
   */
  private boolean mayBeOthers() {
    return switch (kind) {
      case ACK, EXTEND -> true;
      case NACK -> !lenient;
      case RELEASE, DISOWN, DEAD_LETTER -> false;
    };
  }

  /**
   * Of what was settled in time and not found: decided before, by the first copy of this call
   * perhaps, or taken from this client, whose stream broke or which was thought to be gone, and
   * given to another. Then the message is outstanding, and nobody may be told that it is done.
   */
  private Set<Part> lost(List<Part> notFound) {
    var byQueue = new LinkedHashMap<Queue, List<Part>>();
    for (Part part : notFound) {
      LeaseKey lease = part.handle().lease();
      byQueue
          .computeIfAbsent(new Queue(lease.queue(), lease.generation()), same -> new ArrayList<>())
          .add(part);
    }
    var lost = new HashSet<Part>();
    byQueue.forEach(
        (queue, parts) -> {
          ReceiptHandle first = parts.get(0).handle();
          OffsetSet outstanding =
              edge.replica()
                  .state()
                  .outstanding(
                      first.groupId(),
                      first.topicId(),
                      queue.queue(),
                      queue.generation(),
                      OffsetSet.of(
                          parts.stream()
                              .mapToLong(part -> part.handle().offset())
                              .sorted()
                              .distinct()
                              .toArray()));
          parts.stream()
              .filter(part -> outstanding.contains(part.handle().offset()))
              .forEach(lost::add);
        });
    return lost;
  }

  /** How many messages of a lease the server need not keep up any more; 0: all of them. */
  private static int taken(ReceiptHandle handle, Reply.SettledPart settled) {
    boolean whole = settled.lease().filter(handle.lease().id()::equals).isPresent();
    return whole ? 0 : settled.messages();
  }

  /** The outcomes of the commands of one call. Guarded by its lock. */
  private final class Gathering {
    private final Result[] results;
    private final Consumer<HeldCall.Answer<R>> done;
    private final List<Part> notFound = new ArrayList<>();
    private int open;
    private Optional<HeldCall.Answer<R>> failure = Optional.empty();

    Gathering(Result[] results, int commands, Consumer<HeldCall.Answer<R>> done) {
      this.results = results;
      this.open = commands;
      this.done = done;
    }

    void add(List<Part> parts, HeldCall.Answer<Reply.Settled> outcome) {
      synchronized (this) {
        if (outcome instanceof HeldCall.Answer.Final<Reply.Settled> settled) {
          for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            Reply.SettledPart of = settled.response().parts().get(i);
            results[part.index()] = result(part, of);
            if (mayBeOthers() && of.messages() == 0 && hasTime(part.handle())) {
              notFound.add(part);
            }
          }
        } else {
          failure = Optional.of(worse(outcome));
        }
        open--;
      }
      endIfDone();
    }

    private HeldCall.Answer<R> worse(HeldCall.Answer<Reply.Settled> outcome) {
      if (outcome instanceof HeldCall.Answer.Unclear<Reply.Settled> unclear) {
        return new HeldCall.Answer.Unclear<>(unclear.why());
      } else if (failure.isPresent()) {
        return failure.get();
      } else if (outcome instanceof HeldCall.Answer.NotDone<Reply.Settled> notDone) {
        return new HeldCall.Answer.NotDone<>(notDone.why());
      }
      return new HeldCall.Answer.Refused<>(
          ((HeldCall.Answer.Refused<Reply.Settled>) outcome).why());
    }

    void endIfDone() {
      synchronized (this) {
        if (open != 0) {
          return;
        }
        open = -1;
      }
      if (failure.isPresent()) {
        done.accept(failure.get());
      } else if (notFound.isEmpty()) {
        end();
      } else {
        edge.call(this::endWithLost, why -> done.accept(new HeldCall.Answer.NotDone<>(why)));
      }
    }

    private void endWithLost() {
      lost(notFound).forEach(part -> results[part.index()] = INVALID);
      end();
    }

    private void end() {
      done.accept(new HeldCall.Answer.Final<>(answer.apply(List.of(results))));
    }
  }
}
