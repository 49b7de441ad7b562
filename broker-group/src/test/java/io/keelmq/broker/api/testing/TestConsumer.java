package io.keelmq.broker.api.testing;

import com.google.protobuf.ByteString;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.CloseConsumer;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.Credit;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.Message;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import io.keelmq.v1.StreamsGrpc;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One Consume stream, with what comes back in a queue. */
public final class TestConsumer implements ClientResponseObserver<ConsumeRequest, ConsumeResponse> {

  /** What came back: an event, an error, or with both absent the end. */
  public record Event(ConsumeResponse response, ErrorDetail error) {

    @Override
    public String toString() {
      return response != null ? response.getEventCase().toString() : "end with " + error;
    }
  }

  private static final int PATIENCE_SECONDS = 60;

  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final int firstEvents;
  private ClientCallStreamObserver<ConsumeRequest> call;
  private long sequence;

  private TestConsumer(int firstEvents) {
    this.firstEvents = firstEvents;
  }

  public static OpenConsumer.Builder consumer(String clientId, String group, String topic) {
    return OpenConsumer.newBuilder().setClientId(clientId).setConsumerGroup(group).setTopic(topic);
  }

  /** Opens without waiting for anything. */
  public static TestConsumer start(StreamsGrpc.StreamsStub stub, OpenConsumer.Builder open) {
    return start(stub, open, Integer.MAX_VALUE);
  }

  /**
   * @param events that are taken; more with {@link #take}
   */
  public static TestConsumer start(
      StreamsGrpc.StreamsStub stub, OpenConsumer.Builder open, int events) {
    var consumer = new TestConsumer(events);
    stub.consume(consumer);
    consumer.send(ConsumeRequest.newBuilder().setOpen(open));
    return consumer;
  }

  /** Opens, waits until that is done, and gives credit. */
  public static TestConsumer open(
      StreamsGrpc.StreamsStub stub, OpenConsumer.Builder open, int credit)
      throws InterruptedException {
    TestConsumer consumer = start(stub, open);
    consumer.opened();
    if (credit > 0) {
      consumer.credit(credit);
    }
    return consumer;
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<ConsumeRequest> requests) {
    call = requests;
    call.disableAutoRequestWithInitial(firstEvents);
  }

  @Override
  public void onNext(ConsumeResponse response) {
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

  public void send(ConsumeRequest.Builder request) {
    call.onNext(request.build());
  }

  public void take(int more) {
    call.request(more);
  }

  public void credit(int messages) {
    send(ConsumeRequest.newBuilder().setCredit(Credit.newBuilder().setMessages(messages)));
  }

  public long settle(Settlement.Builder... settlements) {
    var settle = Settle.newBuilder().setSequence(++sequence);
    for (Settlement.Builder settlement : settlements) {
      settle.addSettlements(settlement);
    }
    send(ConsumeRequest.newBuilder().setSettle(settle));
    return sequence;
  }

  public long ack(Delivery delivery) {
    return settle(settlement(SettlementKind.ACK, delivery));
  }

  public static Settlement.Builder settlement(SettlementKind kind, Delivery delivery) {
    return settlement(kind, delivery.getLease());
  }

  public static Settlement.Builder settlement(SettlementKind kind, LeaseRef lease) {
    return Settlement.newBuilder().setKind(kind).setLease(lease);
  }

  public void close() {
    send(ConsumeRequest.newBuilder().setClose(CloseConsumer.getDefaultInstance()));
  }

  public void halfClose() {
    call.onCompleted();
  }

  /** The stream breaks. */
  public void cancel() {
    call.cancel("by the test", null);
  }

  public Event next() throws InterruptedException {
    Event event = events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (event == null) {
      throw new AssertionError("nothing came back in " + PATIENCE_SECONDS + " s");
    }
    return event;
  }

  /** What comes next, be it the end, if it comes in time. */
  public Optional<Event> poll(Duration patience) throws InterruptedException {
    return Optional.ofNullable(events.poll(patience.toMillis(), TimeUnit.MILLISECONDS));
  }

  /** What is there already. */
  public int waitingEvents() {
    return events.size();
  }

  public ConsumeResponse response() throws InterruptedException {
    Event event = next();
    if (event.response() == null) {
      throw new AssertionError("expected an event, found " + event);
    }
    return event.response();
  }

  public ConsumerOpened opened() throws InterruptedException {
    ConsumeResponse response = response();
    if (!response.hasOpened()) {
      throw new AssertionError("expected that it opens, found " + response.getEventCase());
    }
    return response.getOpened();
  }

  public Delivery delivery() throws InterruptedException {
    ConsumeResponse response = response();
    if (!response.hasDelivery()) {
      throw new AssertionError("expected a delivery, found " + response.getEventCase());
    }
    return response.getDelivery();
  }

  public SettleReceipt receipt() throws InterruptedException {
    ConsumeResponse response = response();
    if (!response.hasReceipt()) {
      throw new AssertionError("expected a receipt, found " + response.getEventCase());
    }
    return response.getReceipt();
  }

  public ErrorDetail error() throws InterruptedException {
    Event event = next();
    if (event.error() == null) {
      throw new AssertionError("expected an error, found " + event);
    }
    return event.error();
  }

  public void completed() throws InterruptedException {
    Event event = next();
    if (event.error() != null || event.response() != null) {
      throw new AssertionError("expected the end, found " + event);
    }
  }

  /** Deliveries until so many messages have come. */
  public List<Delivery> deliveries(int messages) throws InterruptedException {
    var all = new ArrayList<Delivery>();
    int left = messages;
    while (left > 0) {
      Delivery delivery = delivery();
      all.add(delivery);
      left -= messages(delivery);
    }
    if (left < 0) {
      throw new AssertionError("expected " + messages + " messages, found " + -left + " more");
    }
    return all;
  }

  public static int messages(Delivery delivery) {
    return delivery.getOffsetsList().stream().mapToInt(OffsetRange::getCount).sum();
  }

  public static List<Long> offsets(Delivery delivery) {
    var offsets = new ArrayList<Long>();
    for (OffsetRange range : delivery.getOffsetsList()) {
      for (int i = 0; i < range.getCount(); i++) {
        offsets.add(range.getFirst() + i);
      }
    }
    return offsets;
  }

  public static List<Message> records(Delivery delivery) {
    var records = new ArrayList<Message>();
    ByteString bytes = delivery.getRecords();
    InputStream in = bytes.newInput();
    try {
      for (int i = messages(delivery); i > 0; i--) {
        records.add(Message.parseDelimitedFrom(in));
      }
      if (in.available() > 0) {
        throw new AssertionError("bytes behind the records");
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return records;
  }

  public static List<String> bodies(Delivery delivery) {
    return records(delivery).stream().map(message -> message.getBody().toStringUtf8()).toList();
  }

  public static List<String> bodies(List<Delivery> deliveries) {
    return deliveries.stream().flatMap(delivery -> bodies(delivery).stream()).toList();
  }
}
