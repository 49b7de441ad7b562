package io.keelmq.broker.api;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.MessageLog;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.HeldRun;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.Code;
import io.keelmq.v1.HeldMessage;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.ListHeldResponse;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers ListHeld: what waits for its time or its transaction, with the bodies. They are read from
 * disk, so it runs on the read executor; how many listings may be there is bounded, and so are the
 * bytes of an answer. Thread-safe.
 */
final class HeldListing {

  static final int DEFAULT_MAX = 100;

  /** Of records in one answer, but for a first run that is larger. */
  static final int MAX_RECORD_BYTES = 2 << 20;

  /** Of entries read for one answer: a small run may stand in a large one. */
  static final int MAX_ENTRY_BYTES = 32 << 20;

  /** Listings that wait for a reader or are with one. */
  static final int MAX_WAITING = 64;

  private static final Logger LOG = LoggerFactory.getLogger(HeldListing.class);

  private final Edge edge;
  private final Executor readers;
  private final AtomicInteger waiting = new AtomicInteger();

  HeldListing(Edge edge, Executor readers) {
    this.edge = edge;
    this.readers = readers;
  }

  /** Once this replica holds all that was acknowledged before the call; any thread. */
  void answer(ListHeldRequest request, ReadPoint point, StreamObserver<ListHeldResponse> caller) {
    if (point instanceof ReadPoint.NotReached notReached) {
      caller.onError(
          edge.refuse(
              Refusal.noLeader("no leader confirmed what is stored: " + notReached.message())));
      return;
    }
    if (waiting.incrementAndGet() > MAX_WAITING) {
      waiting.decrementAndGet();
      caller.onError(
          edge.refuse(
              new Refusal(
                  Code.TOO_MANY_REQUESTS,
                  MAX_WAITING + " listings of held messages wait here: try again shortly")));
      return;
    }
    try {
      readers.execute(() -> read(request, caller));
    } catch (RejectedExecutionException e) {
      waiting.decrementAndGet();
      caller.onError(edge.refuse(Refusal.shuttingDown()));
    }
  }

  private void read(ListHeldRequest request, StreamObserver<ListHeldResponse> caller) {
    ListHeldResponse response;
    try {
      response = list(edge.replica().state(), edge.replica().log(), request);
    } catch (ReadStarts.Unfit unfit) {
      caller.onError(edge.refuse(unfit.why()));
      return;
    } catch (RuntimeException e) {
      LOG.error("topic={} a listing of held messages failed", request.getTopic(), e);
      caller.onError(edge.refuse(Refusal.internal(e)));
      return;
    } finally {
      waiting.decrementAndGet();
    }
    caller.onNext(response);
    caller.onCompleted();
  }

  private static ListHeldResponse list(StateView state, MessageLog log, ListHeldRequest request)
      throws ReadStarts.Unfit {
    Topic topic = ReadStarts.topic(state, request.getTopic());
    int max = request.getMax() == 0 ? DEFAULT_MAX : request.getMax();
    var response = ListHeldResponse.newBuilder();
    long bytes = 0;
    long entryBytes = 0;
    long entryIndex = 0;
    Optional<ByteBuffer> entry = Optional.empty();
    for (HeldRun listed : state.held(topic.id(), HeldId.parse(request.getAfterHeldId()), max)) {
      HeldRun held = listed;
      bytes += held.run().bytes();
      boolean full = bytes > MAX_RECORD_BYTES || entryBytes > MAX_ENTRY_BYTES;
      if (full && response.getMessagesCount() > 0) {
        break;
      }
      if (held.run().logIndex() != entryIndex) {
        Optional<TransactionChecks.Found> found =
            TransactionChecks.entry(state, log, topic.id(), held);
        held = found.map(TransactionChecks.Found::held).orElse(held);
        entry = found.map(TransactionChecks.Found::entry);
        entryIndex = held.run().logIndex();
        entryBytes += entry.map(ByteBuffer::remaining).orElse(0);
      }
      response.addMessages(message(held, entry));
    }
    return response.build();
  }

  private static HeldMessage.Builder message(HeldRun held, Optional<ByteBuffer> entry) {
    var message =
        HeldMessage.newBuilder()
            .setHeldId(held.id().toString())
            .setQueue(held.queue())
            .setCount(held.run().count())
            .setHalf(held.half())
            .setDueMillis(held.dueMillis())
            .setChecks(held.checks())
            .setHeardChecks(held.heard())
            .setStoredMillis(held.run().timeMillis());
    entry.ifPresent(bytes -> message.setRecords(TransactionChecks.records(held, bytes)));
    return message;
  }
}
