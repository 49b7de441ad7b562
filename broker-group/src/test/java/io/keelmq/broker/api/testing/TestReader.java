package io.keelmq.broker.api.testing;

import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.Message;
import io.keelmq.v1.ReadBatch;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.StreamsGrpc;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One Read call that takes as many events as it is told to. */
public final class TestReader implements ClientResponseObserver<ReadRequest, ReadResponse> {

  /** What came: an event, an error, or with both absent the end. */
  public record Event(ReadResponse response, ErrorDetail error) {}

  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final int firstEvents;
  private ClientCallStreamObserver<ReadRequest> call;

  private TestReader(int firstEvents) {
    this.firstEvents = firstEvents;
  }

  public static TestReader open(StreamsGrpc.StreamsStub stub, ReadRequest request) {
    return open(stub, request, Integer.MAX_VALUE);
  }

  public static TestReader open(StreamsGrpc.StreamsStub stub, ReadRequest request, int events) {
    var reader = new TestReader(events);
    stub.read(request, reader);
    return reader;
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<ReadRequest> requests) {
    call = requests;
    call.disableAutoRequestWithInitial(firstEvents);
  }

  public void take(int more) {
    call.request(more);
  }

  public void cancel() {
    call.cancel("done", null);
  }

  @Override
  public void onNext(ReadResponse response) {
    events.add(new Event(response, null));
  }

  @Override
  public void onError(Throwable failure) {
    events.add(new Event(null, StatusDetails.fromThrowable(failure)));
  }

  @Override
  public void onCompleted() {
    events.add(new Event(null, null));
  }

  public Event next() throws InterruptedException {
    Event event = events.poll(20, TimeUnit.SECONDS);
    if (event == null) {
      throw new AssertionError("nothing came in 20 s");
    }
    return event;
  }

  public ReadResponse response() throws InterruptedException {
    Event event = next();
    if (event.response() == null) {
      throw new AssertionError("expected an event, found " + event);
    }
    return event.response();
  }

  public ErrorDetail error() throws InterruptedException {
    Event event = next();
    if (event.error() == null) {
      throw new AssertionError("expected an error, found " + event);
    }
    return event.error();
  }

  /** Bodies up to the end of the stream or to where it has caught up; opened is skipped. */
  public List<String> bodies() throws InterruptedException {
    var bodies = new ArrayList<String>();
    while (true) {
      Event event = next();
      if (event.error() != null) {
        throw new AssertionError("the stream failed: " + event.error());
      }
      if (event.response() == null || event.response().hasCaughtUp()) {
        return bodies;
      }
      if (event.response().hasBatch()) {
        bodies.addAll(bodies(event.response().getBatch()));
      }
    }
  }

  public static List<String> bodies(ReadBatch batch) {
    var bodies = new ArrayList<String>();
    InputStream records = batch.getRecords().newInput();
    try {
      for (int i = 0; i < batch.getCount(); i++) {
        bodies.add(Message.parseDelimitedFrom(records).getBody().toStringUtf8());
      }
      if (records.available() > 0) {
        throw new AssertionError("bytes behind the records");
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return bodies;
  }
}
