package io.keelmq.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.ProducerOpened;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.PublishResponse;
import io.keelmq.v1.StreamsGrpc;
import io.keelmq.v1.TransactionCheck;
import java.util.ArrayDeque;
import java.util.Set;

/**
 * One Publish call to one replica: which batches were written to it and not answered yet. Owned by
 * the loop; gRPC's thread only hands its events over.
 */
final class PublishStream {

  /** What a stream reports, on the loop; nothing after {@link #cancel}. */
  interface Events {
    void opened(PublishStream stream, ProducerOpened opened);

    void receipt(PublishStream stream, Batch batch, BatchReceipt receipt);

    void check(PublishStream stream, TransactionCheck check);

    void broken(PublishStream stream, Throwable failure);
  }

  private final ClientLoop loop;
  private final Events events;
  private final LeaderRouting.Target target;
  private final ClientCall<PublishRequest, PublishResponse> call;
  private final ArrayDeque<Batch> unanswered = new ArrayDeque<>();
  private boolean opened;
  private boolean over;
  private long lastProgressNanos;

  PublishStream(ClientLoop loop, Channels channels, LeaderRouting.Target target, Events events) {
    this.loop = loop;
    this.events = events;
    this.target = target;
    call =
        channels.at(target.address()).newCall(StreamsGrpc.getPublishMethod(), CallOptions.DEFAULT);
  }

  /**
   * @param checkTopics whose half messages are asked about on this stream
   */
  void start(String producerId, long epoch, Set<String> checkTopics) {
    lastProgressNanos = loop.nanoTime();
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(PublishResponse response) {
            loop.execute(() -> take(response));
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            loop.execute(() -> end(status.asRuntimeException(trailers)));
          }
        },
        new Metadata());
    // Receipts are small and at most as many as batches in flight; checks that come too fast are
    // dropped by who takes them.
    call.request(Integer.MAX_VALUE);
    call.sendMessage(
        PublishRequest.newBuilder()
            .setOpen(
                OpenProducer.newBuilder()
                    .setProducerId(producerId)
                    .setEpoch(epoch)
                    .addAllCheckTopics(checkTopics))
            .build());
  }

  LeaderRouting.Target target() {
    return target;
  }

  boolean isOpened() {
    return opened;
  }

  int unansweredCount() {
    return unanswered.size();
  }

  void write(Batch batch) {
    if (unanswered.isEmpty()) {
      lastProgressNanos = loop.nanoTime();
    }
    unanswered.addLast(batch);
    batch.copies++;
    call.sendMessage(batch.toRequest());
  }

  /** For how long an answer is owed; 0 when none is. */
  long silentNanos() {
    return opened && unanswered.isEmpty() ? 0 : loop.nanoTime() - lastProgressNanos;
  }

  /** Leaves the stream; what was written may still be stored. */
  void cancel(String reason) {
    if (!over) {
      over = true;
      call.cancel(reason, null);
    }
  }

  private void take(PublishResponse response) {
    if (over) {
      return;
    }
    lastProgressNanos = loop.nanoTime();
    switch (response.getResponseCase()) {
      case OPENED -> {
        opened = true;
        events.opened(this, response.getOpened());
      }
      case RECEIPT -> {
        BatchReceipt receipt = response.getReceipt();
        Batch batch = unanswered.pollFirst();
        if (batch == null || batch.sequence != receipt.getSequence()) {
          String text =
              "receipt for sequence %d, expected %s"
                  .formatted(
                      receipt.getSequence(), batch == null ? "none" : "that of " + batch.sequence);
          end(Status.INTERNAL.withDescription(text).asRuntimeException());
          return;
        }
        events.receipt(this, batch, receipt);
      }
      case CHECK -> events.check(this, response.getCheck());
      case RESPONSE_NOT_SET -> {
        // A kind of answer that a newer broker knows; it is about nothing that we asked.
      }
    }
  }

  private void end(Throwable failure) {
    if (!over) {
      cancel("ended");
      events.broken(this, failure);
    }
  }
}
