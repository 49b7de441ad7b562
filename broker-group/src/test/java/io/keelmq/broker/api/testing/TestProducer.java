package io.keelmq.broker.api.testing;

import io.grpc.stub.StreamObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Batch;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.ProducerOpened;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.PublishResponse;
import io.keelmq.v1.Run;
import io.keelmq.v1.StreamsGrpc;
import io.keelmq.v1.TransactionCheck;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One Publish stream, with what comes back in a queue. */
public final class TestProducer {

  private static final long PATIENCE_SECONDS = 60;

  /** What came back: exactly one of the fields is set. */
  public record Event(PublishResponse response, ErrorDetail error, boolean completed) {}

  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  public final StreamObserver<PublishRequest> requests;

  public TestProducer(StreamsGrpc.StreamsStub stub) {
    requests =
        stub.publish(
            new StreamObserver<>() {
              @Override
              public void onNext(PublishResponse response) {
                events.add(new Event(response, null, false));
              }

              @Override
              public void onError(Throwable failure) {
                events.add(new Event(null, StatusDetails.fromThrowable(failure), false));
              }

              @Override
              public void onCompleted() {
                events.add(new Event(null, null, true));
              }
            });
  }

  public static TestProducer open(StreamsGrpc.StreamsStub stub, String producerId, long epoch)
      throws InterruptedException {
    var producer = new TestProducer(stub);
    producer.requests.onNext(
        PublishRequest.newBuilder()
            .setOpen(OpenProducer.newBuilder().setProducerId(producerId).setEpoch(epoch))
            .build());
    return producer;
  }

  /** A producer that answers checks of topics. */
  public static TestProducer open(
      StreamsGrpc.StreamsStub stub, String producerId, List<String> checkTopics) {
    var producer = new TestProducer(stub);
    producer.requests.onNext(
        PublishRequest.newBuilder()
            .setOpen(
                OpenProducer.newBuilder().setProducerId(producerId).addAllCheckTopics(checkTopics))
            .build());
    return producer;
  }

  public TransactionCheck check() throws InterruptedException {
    Event event = next();
    if (event.response() == null || !event.response().hasCheck()) {
      throw new AssertionError("expected a check, found " + event);
    }
    return event.response().getCheck();
  }

  public ProducerOpened opened() throws InterruptedException {
    return next().response().getOpened();
  }

  public void publish(long sequence, Run... runs) {
    var batch = Batch.newBuilder().setSequence(sequence);
    for (Run run : runs) {
      batch.addRuns(run);
    }
    requests.onNext(PublishRequest.newBuilder().setBatch(batch).build());
  }

  public BatchReceipt receipt() throws InterruptedException {
    Event event = next();
    if (event.response() == null) {
      throw new AssertionError("expected a receipt, the stream ended: " + event);
    }
    return event.response().getReceipt();
  }

  public ErrorDetail error() throws InterruptedException {
    Event event = next();
    if (event.error() == null) {
      throw new AssertionError("expected an error, found " + event);
    }
    return event.error();
  }

  public Event next() throws InterruptedException {
    Event event = events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (event == null) {
      throw new AssertionError("nothing came back in " + PATIENCE_SECONDS + " s");
    }
    return event;
  }
}
