package io.keelmq.client.testing;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Batch;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.CaughtUp;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.EndTransactionRequest;
import io.keelmq.v1.EndTransactionResponse;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.ProducerOpened;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.PublishResponse;
import io.keelmq.v1.ReadBatch;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadOpened;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.RecallRequest;
import io.keelmq.v1.RecallResponse;
import io.keelmq.v1.StreamsGrpc;
import io.keelmq.v1.TransactionCheck;
import io.keelmq.v1.Trimmed;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/** The streams of one replica of a {@link FakeGroup}. Thread-safe by its monitor. */
final class FakeStreams extends StreamsGrpc.StreamsImplBase {

  private static final int MOST_IN_FLIGHT = 64;

  /** Bytes after which a read waits for its reader. */
  private static final int BATCH_MESSAGES = 16;

  private final FakeGroup group;
  private final int replica;
  private final List<StreamObserver<?>> open = new ArrayList<>();
  private final Map<StreamObserver<PublishResponse>, List<String>> checked = new LinkedHashMap<>();

  FakeStreams(FakeGroup group, int replica) {
    this.group = group;
    this.replica = replica;
  }

  synchronized void breakAll() {
    for (StreamObserver<?> each : List.copyOf(open)) {
      breakOff(each);
    }
  }

  private synchronized void breakOff(StreamObserver<?> stream) {
    if (open.remove(stream)) {
      stream.onError(io.grpc.Status.UNAVAILABLE.withDescription("broken").asRuntimeException());
    }
  }

  synchronized int checked(String topic) {
    checked.keySet().retainAll(open);
    return (int) checked.values().stream().filter(topics -> topics.contains(topic)).count();
  }

  synchronized void check(TransactionCheck check) {
    checked.keySet().retainAll(open);
    checked.entrySet().stream()
        .filter(each -> each.getValue().contains(check.getTopic()))
        .findFirst()
        .ifPresent(
            each -> each.getKey().onNext(PublishResponse.newBuilder().setCheck(check).build()));
  }

  @Override
  public void recall(RecallRequest request, StreamObserver<RecallResponse> responses) {
    answer(
        responses,
        () -> {
          group.log.held.recall(request);
          return RecallResponse.getDefaultInstance();
        });
  }

  @Override
  public void endTransaction(
      EndTransactionRequest request, StreamObserver<EndTransactionResponse> responses) {
    answer(responses, () -> group.log.held.end(request));
  }

  private static <R> void answer(StreamObserver<R> responses, Supplier<R> response) {
    try {
      responses.onNext(response.get());
      responses.onCompleted();
    } catch (StatusRuntimeException e) {
      responses.onError(e);
    }
  }

  @Override
  public synchronized StreamObserver<PublishRequest> publish(
      StreamObserver<PublishResponse> responses) {
    open.add(responses);
    group.openedStreams.incrementAndGet();
    return new StreamObserver<>() {
      private OpenProducer opened;
      private boolean frozen;
      private boolean lingering;

      @Override
      public void onNext(PublishRequest request) {
        synchronized (FakeStreams.this) {
          if (request.hasOpen()) {
            opened = request.getOpen();
            if (group.opensNothing) {
              return;
            }
            if (opened.getCheckTopicsCount() > 0) {
              checked.put(responses, opened.getCheckTopicsList());
            }
            answer(
                PublishResponse.newBuilder()
                    .setOpened(
                        ProducerOpened.newBuilder()
                            .setMaxInFlightBatches(MOST_IN_FLIGHT)
                            .setMaxInFlightBytes(32 << 20)
                            .setLastSequence(
                                group.log.lastSequence(opened.getProducerId(), opened.getEpoch())))
                    .build());
            return;
          }
          publish(request.getBatch());
        }
      }

      private void publish(Batch batch) {
        if (lingering) {
          linger(batch);
        }
        if (frozen || !open.contains(responses)) {
          return;
        }
        switch (group.fates().of(replica, batch)) {
          case STORED -> receipt(apply(batch));
          case STORED_AND_BROKEN -> {
            apply(batch);
            breakOff(responses);
          }
          case LOST_AND_BROKEN -> breakOff(responses);
          case LINGERS_AND_BROKEN -> {
            lingering = true;
            linger(batch);
            breakOff(responses);
          }
          case TOO_MANY -> receipt(FakeLog.refusal(batch, Code.TOO_MANY_REQUESTS));
          case NO_LEADER -> receipt(FakeLog.refusal(batch, Code.NO_LEADER));
          case UNKNOWN_STORED -> {
            apply(batch);
            receipt(FakeLog.refusal(batch, Code.OUTCOME_UNKNOWN));
          }
          case UNKNOWN_LOST -> receipt(FakeLog.refusal(batch, Code.OUTCOME_UNKNOWN));
          case FROZEN -> frozen = true;
        }
      }

      private void linger(Batch batch) {
        synchronized (group.lingering) {
          group.lingering.add(
              () -> group.log.apply(opened.getProducerId(), opened.getEpoch(), batch));
        }
      }

      private BatchReceipt apply(Batch batch) {
        synchronized (group.lingering) {
          // Late copies come in front of what comes now, a few at a time.
          for (int i = 0;
              i < 2 && !group.lingering.isEmpty() && batch.getSequence() % 3 == 0;
              i++) {
            group.lingering.remove(0).run();
          }
        }
        return group.log.apply(opened.getProducerId(), opened.getEpoch(), batch);
      }

      private void receipt(BatchReceipt receipt) {
        answer(PublishResponse.newBuilder().setReceipt(receipt).build());
      }

      private void answer(PublishResponse response) {
        if (open.contains(responses)) {
          responses.onNext(response);
        }
      }

      @Override
      public void onError(Throwable failure) {
        forget(responses);
      }

      @Override
      public void onCompleted() {
        forget(responses);
        responses.onCompleted();
      }
    };
  }

  @Override
  public StreamObserver<ConsumeRequest> consume(StreamObserver<ConsumeResponse> responses) {
    return group.consumers.consume(replica, responses);
  }

  private synchronized void forget(StreamObserver<?> stream) {
    open.remove(stream);
  }

  @Override
  public synchronized void read(ReadRequest request, StreamObserver<ReadResponse> to) {
    var responses = (ServerCallStreamObserver<ReadResponse>) to;
    group.openedReads.incrementAndGet();
    String topic = request.getTopic();
    if (group.log.queues(topic) == 0) {
      responses.onError(StatusDetails.toException(Code.TOPIC_NOT_FOUND, "topic " + topic));
      return;
    }
    open.add(responses);
    var next = new TreeMap<Integer, Long>();
    var trimmed = new TreeMap<Integer, Long>();
    var opened = ReadOpened.newBuilder();
    for (int queue = 0; queue < group.log.queues(topic); queue++) {
      ReadFrom from = request.getQueuesCount() == 0 ? request.getFrom() : null;
      for (ReadRequest.QueueStart start : request.getQueuesList()) {
        if (start.getQueue() == queue) {
          from = start.getFrom();
        }
      }
      if (from == null) {
        continue;
      }
      long first = group.log.first(topic, queue);
      long end = group.log.end(topic, queue);
      long wanted =
          switch (from.getFromCase()) {
            case OFFSET -> from.getOffset();
            case LATEST -> end;
            default -> first;
          };
      if (wanted < first) {
        trimmed.put(queue, wanted);
        wanted = first;
      }
      next.put(queue, wanted);
      opened.addQueues(
          ReadOpened.QueueRange.newBuilder()
              .setQueue(queue)
              .setStartOffset(wanted)
              .setFirstOffset(first)
              .setEndOffset(end));
    }
    responses.setOnCancelHandler(() -> forget(responses));
    responses.setOnReadyHandler(() -> push(request, responses, next));
    responses.onNext(ReadResponse.newBuilder().setOpened(opened).build());
    trimmed.forEach(
        (queue, wanted) ->
            responses.onNext(
                ReadResponse.newBuilder()
                    .setTrimmed(
                        Trimmed.newBuilder()
                            .setQueue(queue)
                            .setWantedOffset(wanted)
                            .setFirstOffset(group.log.first(topic, queue)))
                    .build()));
    push(request, responses, next);
  }

  private synchronized void push(
      ReadRequest request,
      ServerCallStreamObserver<ReadResponse> responses,
      Map<Integer, Long> next) {
    String topic = request.getTopic();
    for (Map.Entry<Integer, Long> place : next.entrySet()) {
      while (place.getValue() < group.log.end(topic, place.getKey())) {
        if (!responses.isReady() || !open.contains(responses)) {
          return;
        }
        long from = place.getValue();
        long to = Math.min(from + BATCH_MESSAGES, group.log.end(topic, place.getKey()));
        responses.onNext(
            ReadResponse.newBuilder().setBatch(batch(topic, place.getKey(), from, to)).build());
        place.setValue(to);
      }
    }
    if (open.contains(responses)) {
      if (request.getFollow()) {
        responses.onNext(
            ReadResponse.newBuilder().setCaughtUp(CaughtUp.getDefaultInstance()).build());
      } else {
        open.remove(responses);
        responses.onCompleted();
      }
    }
  }

  private ReadBatch batch(String topic, int queue, long from, long to) {
    var bytes = ByteString.newOutput();
    try {
      CodedOutputStream out = CodedOutputStream.newInstance(bytes);
      for (long offset = from; offset < to; offset++) {
        out.writeBytesNoTag(group.log.record(topic, queue, offset));
      }
      out.flush();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return ReadBatch.newBuilder()
        .setQueue(queue)
        .setFirstOffset(from)
        .setCount((int) (to - from))
        .setStoreTimeMillis(1_000 + from)
        .setRecords(bytes.toByteString())
        .build();
  }
}
