package io.keelmq.broker.api;

import com.google.protobuf.CodedOutputStream;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.Topic;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.Code;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.SendResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Stores one message at the leader. Repeats are told by client id, topic and message id, so every
 * try is the same to the state machine. Immutable.
 */
public final class SendCall implements HeldCall.AtLeader<SendResponse> {

  private final Edge edge;
  private final SendRequest request;
  private final byte[] message;

  /**
   * @param message of the request, serialized
   */
  public SendCall(Edge edge, SendRequest request, byte[] message) {
    this.edge = edge;
    this.request = request;
    this.message = message;
  }

  @Override
  public void run(Consumer<HeldCall.Answer<SendResponse>> done) {
    if (request.hasQueue()) {
      propose(request.getQueue(), done);
      return;
    }
    Optional<Topic> topic = edge.replica().state().topic(request.getTopic());
    if (topic.isPresent()) {
      propose(queue(topic.get()), done);
    } else {
      // A leader that was just elected may not have applied the topic yet.
      edge.replica()
          .readPoint(
              Edge.HOLD.toMillis(),
              point ->
                  edge.call(
                      () -> proposeAt(point, done),
                      why -> done.accept(new HeldCall.Answer.NotDone<>(why))));
    }
  }

  private void proposeAt(ReadPoint point, Consumer<HeldCall.Answer<SendResponse>> done) {
    if (point instanceof ReadPoint.NotReached notReached) {
      done.accept(new HeldCall.Answer.NotDone<>(Refusal.noLeader(notReached.message())));
      return;
    }
    edge.replica()
        .state()
        .topic(request.getTopic())
        .ifPresentOrElse(
            topic -> propose(queue(topic), done),
            () ->
                done.accept(
                    new HeldCall.Answer.Refused<>(
                        new Refusal(
                            Code.TOPIC_NOT_FOUND,
                            "topic " + request.getTopic() + " does not exist: make it first"))));
  }

  /**
   * The same for the same message, and for all messages of a message group; on a topic with
   * priorities, the priority.
   */
  private int queue(Topic topic) {
    if (topic.type() == TopicType.PRIORITY) {
      return Math.min(request.getMessage().getPriority(), topic.queues() - 1);
    }
    String group = request.getMessage().getMessageGroup();
    int hash = (group.isEmpty() ? request.getMessage().getMessageId() : group).hashCode();
    // Neighbouring hashes, as ids that end in a counter have, are spread by the high bits.
    return Integer.remainderUnsigned((hash * 0x9E3779B9) >>> 8, topic.queues());
  }

  private void propose(int queue, Consumer<HeldCall.Answer<SendResponse>> done) {
    ByteBuffer record = record();
    var run =
        new Command.Run(
            request.getTopic(),
            queue,
            1,
            0,
            record.remaining(),
            List.of(request.getMessage().getMessageId()),
            new Command.Placing(
                request.getDeliverAtMillis(), request.getHalf(), request.getFirstCheckMillis()));
    edge.replica()
        .propose(
            new Proposal(
                Optional.empty(),
                new Command.SendMessages(
                    new Command.ClientMessageIds(request.getClientId()), List.of(run)),
                List.of(record),
                outcome -> done.accept(HeldCall.answer(outcome, this::answer))));
  }

  /** The message with its length in front, as runs hold it. */
  private ByteBuffer record() {
    int lengthBytes = CodedOutputStream.computeUInt32SizeNoTag(message.length);
    var record = ByteBuffer.allocate(lengthBytes + message.length);
    for (int rest = message.length; ; rest >>>= 7) {
      if (rest < 0x80) {
        record.put((byte) rest);
        break;
      }
      record.put((byte) (rest | 0x80));
    }
    return record.put(message).flip();
  }

  private HeldCall.Answer<SendResponse> answer(Reply reply) {
    if (reply instanceof Reply.Stored stored && stored.firstOffsets().size() == 1) {
      if (!stored.duplicate()) {
        edge.stats().sends.increment();
      }
      return new HeldCall.Answer.Final<>(
          SendResponse.newBuilder()
              .setQueue(stored.queues().get(0))
              .setOffset(stored.firstOffsets().get(0))
              .setDuplicate(stored.duplicate())
              .setHeldId(
                  stored.held().stream()
                      .findFirst()
                      .flatMap(id -> id)
                      .map(HeldId::toString)
                      .orElse(""))
              .build());
    }
    return new HeldCall.Answer.Refused<>(ReplyMapper.unexpected(reply));
  }
}
