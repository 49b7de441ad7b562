package io.keelmq.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import io.grpc.MethodDescriptor;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.EndTransactionRequest;
import io.keelmq.v1.EndTransactionResponse;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.RecallRequest;
import io.keelmq.v1.StreamsGrpc;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Messages that have no place in their queue yet, by the id that their {@link Receipt} gave:
 * delayed ones can be recalled, half ones are decided. Thread-safe, stateless.
 *
 * <p>Every call is retried within the timeout and carries a name by which the group recognizes its
 * repeats. Futures end with {@link RequestRejected} (HELD_NOT_FOUND: delivered, recalled or decided
 * before; PRECONDITION_FAILED: a half message that was decided otherwise), {@link Unavailable}
 * (nothing changed), {@link OutcomeUnknown} (asking again, with the same decision, is safe) or
 * {@link ClientClosed}.
 */
public final class HeldMessages {

  private final ClientCore core;
  private final Duration timeout;

  HeldMessages(ClientCore core, Duration timeout) {
    this.core = core;
    this.timeout = timeout;
  }

  /** Where a half message went. */
  public record Placed(String topic, int queue, long offset) {}

  /** Gives a half message its place. Again is fine, and tells the same place. */
  public CompletableFuture<Placed> commit(String topic, String heldId) {
    return end(topic, heldId, true)
        .thenApply(response -> new Placed(topic, response.getQueue(), response.getOffset()));
  }

  /** Takes a half message away for good. Again is fine. */
  public CompletableFuture<Void> rollback(String topic, String heldId) {
    return end(topic, heldId, false).thenApply(response -> null);
  }

  /** Takes back a delayed message. */
  public CompletableFuture<Void> recall(String topic, String heldId) {
    return call(
            topic,
            StreamsGrpc.getRecallMethod(),
            RecallRequest.newBuilder()
                .setOrigin(core.calls().newOrigin())
                .setTopic(topic)
                .setHeldId(heldId)
                .build(),
            Calls.Repeat.NAMED_CHANGE)
        .thenApply(response -> null);
  }

  /** {@link #commit}, and waits; not to be called from a future's callback. */
  public Placed commitSync(String topic, String heldId) {
    return core.calls().join(commit(topic, heldId), timeout);
  }

  /** {@link #rollback}, and waits. */
  public void rollbackSync(String topic, String heldId) {
    core.calls().join(rollback(topic, heldId), timeout);
  }

  /** {@link #recall}, and waits. */
  public void recallSync(String topic, String heldId) {
    core.calls().join(recall(topic, heldId), timeout);
  }

  /**
   * What waits in a topic, in the order of being sent. Blocks.
   *
   * @param max 1 to 1,000; fewer may come at a time, none only when there are no more
   * @param afterHeldId where the previous answer ended; empty: from the beginning
   */
  public List<HeldMessage> list(String topic, int max, String afterHeldId) {
    var found =
        core.calls()
            .join(
                call(
                    topic,
                    AdminGrpc.getListHeldMethod(),
                    ListHeldRequest.newBuilder()
                        .setTopic(topic)
                        .setMax(max)
                        .setAfterHeldId(afterHeldId)
                        .build(),
                    Calls.Repeat.QUERY),
                timeout);
    return found.getMessagesList().stream().map(held -> held(topic, held)).toList();
  }

  private CompletableFuture<EndTransactionResponse> end(
      String topic, String heldId, boolean commit) {
    return call(
        topic,
        StreamsGrpc.getEndTransactionMethod(),
        EndTransactionRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setTopic(topic)
            .setHeldId(heldId)
            .setCommit(commit)
            .build(),
        Calls.Repeat.NAMED_CHANGE);
  }

  private <Q, R> CompletableFuture<R> call(
      String topic, MethodDescriptor<Q, R> method, Q request, Calls.Repeat repeat) {
    String group;
    try {
      group = core.topics().find(topic, timeout).group();
    } catch (KeelException e) {
      return CompletableFuture.failedFuture(e);
    }
    return core.calls().call(method, request, repeat, group, timeout);
  }

  private static HeldMessage held(String topic, io.keelmq.v1.HeldMessage held) {
    return new HeldMessage(
        topic,
        held.getHeldId(),
        held.getQueue(),
        held.getCount(),
        held.getHalf(),
        Instant.ofEpochMilli(held.getDueMillis()),
        held.getChecks(),
        held.getHeardChecks(),
        Instant.ofEpochMilli(held.getStoredMillis()),
        messages(topic, held.getQueue(), held.getStoredMillis(), held.getRecords()));
  }

  /** The messages of a run, which have no offsets yet. */
  static List<ReadMessage> messages(
      String topic, int queue, long storedMillis, ByteString records) {
    var messages = new ArrayList<ReadMessage>();
    try {
      CodedInputStream in = records.newCodedInput();
      while (!in.isAtEnd()) {
        messages.add(
            new ReadMessage(topic, queue, Receipt.NO_OFFSET, storedMillis, in.readBytes()));
      }
    } catch (IOException e) {
      throw new IllegalStateException(
          "topic %s: the %d bytes of a held run are no messages; another program wrote them"
              .formatted(topic, records.size()),
          e);
    }
    return messages;
  }
}
