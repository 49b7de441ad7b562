package io.keelmq.broker.api;

import io.grpc.Channel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.PublishResponse;
import io.keelmq.v1.StreamsGrpc;
import java.util.ArrayDeque;

/**
 * Batches of a producer go to the replica that leads, over a stream of their own. The bytes that
 * may wait in it are bounded by the session's window.
 *
 * <p>Thread-safe: the queue of copies without an answer is guarded by its lock, under which nobody
 * is called; the order in it is the order on the stream because one turn hands over.
 */
final class RemoteTarget implements PublishTarget {

  private record Copy(PendingBatch batch, int number) {}

  private final Answers answers;
  private final ArrayDeque<Copy> unanswered = new ArrayDeque<>();
  private final ClientCallStreamObserver<PublishRequest> upstream;
  // Guarded by `unanswered`.
  private boolean opened;
  private boolean over;

  RemoteTarget(Channel leader, OpenProducer producer, Answers answers) {
    this.answers = answers;
    var responses = new Responses();
    this.upstream =
        (ClientCallStreamObserver<PublishRequest>) StreamsGrpc.newStub(leader).publish(responses);
    // Checks come from the replica that the producer is connected to, and from no other.
    upstream.onNext(
        PublishRequest.newBuilder().setOpen(producer.toBuilder().clearCheckTopics()).build());
  }

  @Override
  public void publish(PendingBatch batch, int copy) {
    boolean late;
    synchronized (unanswered) {
      late = over;
      if (!over) {
        unanswered.add(new Copy(batch, copy));
      }
    }
    if (late) {
      // Told only later, by `broken`, that the stream is gone; this copy never left.
      answers.notTaken(batch, copy, Refusal.noLeader("the stream to the leader is broken"));
    } else {
      upstream.onNext(batch.request());
    }
  }

  @Override
  public void close() {
    upstream.cancel("the session has another target", null);
  }

  private void answered(BatchReceipt receipt) {
    Copy copy;
    synchronized (unanswered) {
      copy = unanswered.poll();
    }
    if (copy == null || copy.batch().batch().getSequence() != receipt.getSequence()) {
      if (copy != null) {
        answers.lost(copy.batch(), copy.number(), "the leader's receipts are out of order");
      }
      synchronized (unanswered) {
        over = true;
      }
      upstream.cancel("unexpected receipt " + receipt.getSequence(), null);
      return;
    }
    String why = receipt.getMessage();
    switch (receipt.getCode()) {
      case NO_LEADER, SHUTTING_DOWN, NOT_INITIALIZED ->
          answers.notTaken(copy.batch(), copy.number(), new Refusal(receipt.getCode(), why));
      default -> {
        if (StatusDetails.isUnknownOutcome(receipt.getCode())) {
          answers.lost(copy.batch(), copy.number(), why);
        } else {
          answers.judged(copy.batch(), copy.number(), receipt.toBuilder());
        }
      }
    }
  }

  private void ended(ErrorDetail detail) {
    boolean neverOpened;
    ArrayDeque<Copy> left;
    synchronized (unanswered) {
      over = true;
      neverOpened = !opened;
      left = new ArrayDeque<>(unanswered);
      unanswered.clear();
    }
    for (Copy copy : left) {
      // A leader takes batches only after it has opened the producer.
      if (neverOpened) {
        answers.notTaken(copy.batch(), copy.number(), Refusal.noLeader(detail.getMessage()));
      } else {
        answers.lost(copy.batch(), copy.number(), detail.getMessage());
      }
    }
    boolean endsSession = detail.getCode().getNumber() < 300 && !isRetargetable(detail);
    if (endsSession) {
      answers.refused(this, new Refusal(detail.getCode(), detail.getMessage()));
    } else {
      answers.broken(this, detail.getCode() + ": " + detail.getMessage());
    }
  }

  private static boolean isRetargetable(ErrorDetail detail) {
    return switch (detail.getCode()) {
      case NOT_INITIALIZED, CODE_UNSPECIFIED, OK -> true;
      default -> false;
    };
  }

  private final class Responses implements ClientResponseObserver<PublishRequest, PublishResponse> {

    @Override
    public void beforeStart(ClientCallStreamObserver<PublishRequest> requests) {}

    @Override
    public void onNext(PublishResponse response) {
      if (response.hasOpened()) {
        synchronized (unanswered) {
          opened = true;
        }
      } else if (response.hasReceipt()) {
        answered(response.getReceipt());
      }
    }

    @Override
    public void onError(Throwable failure) {
      ended(StatusDetails.fromThrowable(failure));
    }

    @Override
    public void onCompleted() {
      ended(ErrorDetail.newBuilder().setMessage("the leader ended the stream").build());
    }
  }
}
