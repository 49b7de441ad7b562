package io.keelmq.broker.api;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.GetOffsetsResponse;
import io.keelmq.v1.Origin;
import io.keelmq.v1.QueueOffset;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.SeekOffsetsRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Changes of topics, consumer groups and offsets, carried out at the leader. Thread-safe. A change
 * that its caller did not name gets a name here, before it is passed on, so that every try of it is
 * the same to the state machine.
 */
public final class AdminChanges {

  private final Edge edge;
  private final long originId;
  private final AtomicLong sequence = new AtomicLong();

  /**
   * @param originId random, not 0, this process's own
   */
  AdminChanges(Edge edge, long originId) {
    this.edge = edge;
    this.originId = originId;
  }

  /** What the caller calls the change, or a name for it. */
  public Origin name(Origin given) {
    return given.getId() != 0
        ? given
        : Origin.newBuilder().setId(originId).setSequence(sequence.incrementAndGet()).build();
  }

  /** Proposes one command and maps its reply. */
  public <R> HeldCall.AtLeader<R> propose(
      Origin origin, Command command, Function<Reply, Optional<R>> response) {
    return propose(Optional.of(origin), command, response);
  }

  /**
   * @param origin absent where the command tells repeats itself
   */
  public <R> HeldCall.AtLeader<R> propose(
      Optional<Origin> origin, Command command, Function<Reply, Optional<R>> response) {
    return done -> propose(origin, command, response, done);
  }

  private <R> void propose(
      Optional<Origin> origin,
      Command command,
      Function<Reply, Optional<R>> response,
      Consumer<HeldCall.Answer<R>> done) {
    edge.replica()
        .propose(
            new Proposal(
                origin.map(name -> new CommandOrigin(name.getId(), name.getSequence())),
                command,
                List.of(),
                outcome -> done.accept(HeldCall.answer(outcome, reply -> map(reply, response)))));
  }

  private static <R> HeldCall.Answer<R> map(Reply reply, Function<Reply, Optional<R>> response) {
    Optional<R> mapped = response.apply(reply);
    return mapped.isPresent()
        ? new HeldCall.Answer.Final<>(mapped.get())
        : new HeldCall.Answer.Refused<>(ReplyMapper.unexpected(reply));
  }

  /** Turns times and ends into offsets, as the leader knows them, and moves the group there. */
  HeldCall.AtLeader<GetOffsetsResponse> seek(SeekOffsetsRequest request) {
    return done ->
        edge.replica()
            .readPoint(
                Edge.HOLD.toMillis(),
                point ->
                    edge.call(
                        () -> seek(request, point, done),
                        why -> done.accept(new HeldCall.Answer.NotDone<>(why))));
  }

  private void seek(
      SeekOffsetsRequest request,
      ReadPoint point,
      Consumer<HeldCall.Answer<GetOffsetsResponse>> done) {
    if (point instanceof ReadPoint.NotReached notReached) {
      done.accept(new HeldCall.Answer.NotDone<>(Refusal.noLeader(notReached.message())));
      return;
    }
    StateView state = edge.replica().state();
    Topic topic;
    List<ReadStarts.Start> starts;
    try {
      topic = ReadStarts.topic(state, request.getTopic());
      starts = ReadStarts.of(state, topic, asRead(request));
    } catch (ReadStarts.Unfit unfit) {
      done.accept(new HeldCall.Answer.Refused<>(unfit.why()));
      return;
    }
    var offsets = new ArrayList<Command.QueueOffset>();
    starts.forEach(start -> offsets.add(new Command.QueueOffset(start.queue(), start.start())));
    propose(
        Optional.of(request.getOrigin()),
        new Command.SeekOffsets(request.getConsumerGroup(), request.getTopic(), offsets),
        reply ->
            reply instanceof Reply.Epoch epoch
                ? Optional.of(moved(state, request, topic, epoch.epoch(), offsets))
                : Optional.empty(),
        done);
  }

  /** Targets of a seek are places to begin at, as those of a read are. */
  static ReadRequest asRead(SeekOffsetsRequest request) {
    var read = ReadRequest.newBuilder().setTopic(request.getTopic()).setFrom(request.getFrom());
    for (var target : request.getTargetsList()) {
      var start = ReadRequest.QueueStart.newBuilder().setQueue(target.getQueue());
      if (target.hasFrom()) {
        start.setFrom(target.getFrom());
      }
      read.addQueues(start);
    }
    return read.build();
  }

  private static GetOffsetsResponse moved(
      StateView state,
      SeekOffsetsRequest request,
      Topic topic,
      long epoch,
      List<Command.QueueOffset> wanted) {
    var response = GetOffsetsResponse.newBuilder().setEpoch(epoch);
    if (state.epoch(request.getConsumerGroup(), topic.id()) == epoch) {
      // What is stored, not what was asked for: a repeat may have looked up other offsets.
      for (StateView.Progress progress : state.progress(request.getConsumerGroup())) {
        if (progress.topicId() == topic.id()) {
          response.addOffsets(offset(progress.queue(), progress.committedOffset()));
        }
      }
    } else {
      wanted.forEach(to -> response.addOffsets(offset(to.queue(), to.offset())));
    }
    return response.build();
  }

  private static QueueOffset offset(int queue, long offset) {
    return QueueOffset.newBuilder().setQueue(queue).setOffset(offset).build();
  }
}
