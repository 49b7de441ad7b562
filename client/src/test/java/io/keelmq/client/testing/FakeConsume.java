package io.keelmq.client.testing;

import io.grpc.stub.StreamObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import java.util.List;
import java.util.Optional;

/**
 * One Consume stream of a {@link FakeConsumers}. Strict: a credit that lets more messages be here
 * than the limit is a breach.
 */
final class FakeConsume implements StreamObserver<ConsumeRequest> {

  private static final int SETTLES_IN_FLIGHT = 8;

  private final FakeConsumers consumers;
  private final int replica;
  private final StreamObserver<ConsumeResponse> responses;
  private OpenConsumer opened;
  private int credit;
  private boolean over;
  private boolean frozen;

  FakeConsume(FakeConsumers consumers, int replica, StreamObserver<ConsumeResponse> responses) {
    this.consumers = consumers;
    this.replica = replica;
    this.responses = responses;
  }

  @Override
  public void onNext(ConsumeRequest request) {
    synchronized (consumers) {
      if (over || frozen) {
        return;
      }
      switch (request.getRequestCase()) {
        case OPEN -> open(request.getOpen());
        case CREDIT -> {
          credit += request.getCredit().getMessages();
          consumers.credits.add(request.getCredit().getMessages());
          consumers.checkCredit(opened.getClientId(), credit - undelivered());
          deliverAgain();
          deliver();
        }
        case SETTLE -> settle(request.getSettle());
        case CLOSE -> {
          consumers.closed.add(opened.getClientId());
          consumers.leases.giveBack(opened.getClientId());
          leave();
          responses.onCompleted();
        }
        case REQUEST_NOT_SET -> consumers.breaches.add("an empty request");
      }
    }
  }

  @Override
  public void onError(Throwable failure) {
    synchronized (consumers) {
      leave();
    }
  }

  @Override
  public void onCompleted() {
    // The client sends nothing more after CloseConsumer, which has ended the stream.
  }

  /** Sends what is leased, as far as there is credit. */
  void deliver() {
    while (!over && !frozen && credit > 0 && !consumers.paused && undelivered() == 0) {
      int most = Math.min(credit, opened.getMaxBatchMessages());
      Optional<Delivery> next = consumers.leases.grant(opened.getClientId(), most);
      if (next.isEmpty()) {
        return;
      }
      deliver(next.get());
    }
  }

  /** Sends an event that the test has made up. */
  void inject(ConsumeResponse event) {
    credit -= event.getDelivery().getOffsetsCount();
    say(event);
  }

  private void say(ConsumeResponse response) {
    if (!over) {
      responses.onNext(response);
    }
  }

  void breakOff() {
    if (!over) {
      leave();
      responses.onError(io.grpc.Status.UNAVAILABLE.withDescription("broken").asRuntimeException());
    }
  }

  void refuse(Code code) {
    if (!over) {
      leave();
      responses.onError(StatusDetails.toException(code, "refused by the fake"));
    }
  }

  private void open(OpenConsumer open) {
    opened = open;
    consumers.opens.add(open);
    Code refusal = consumers.refusal;
    if (refusal != Code.OK) {
      refuse(refusal);
      return;
    }
    consumers.streams.add(this);
    var said =
        ConsumerOpened.newBuilder()
            .setMaxSettlesInFlight(SETTLES_IN_FLIGHT)
            .setInvisibleMillis(open.getInvisibleMillis())
            .setFifo(consumers.leases.fifo)
            .setMaxAttempts(17);
    for (LeaseRef held : open.getHeldList()) {
      if (!consumers.leases.exists(held)) {
        said.addLost(held);
      }
    }
    say(ConsumeResponse.newBuilder().setOpened(said).build());
    redeliver();
  }

  /** What the client has not said to hold; it waits for credit like anything else. */
  private void redeliver() {
    consumers.pendingRedeliveries.put(
        this, consumers.leases.heldBesides(opened.getClientId(), opened.getHeldList()));
  }

  private void deliver(Delivery delivery) {
    credit -= delivery.getOffsetsCount();
    consumers.maxOutstanding(opened.getClientId());
    say(ConsumeResponse.newBuilder().setDelivery(delivery).build());
  }

  void deliverAgain() {
    var pending = consumers.pendingRedeliveries.get(this);
    while (pending != null && !pending.isEmpty() && credit >= pending.get(0).getOffsetsCount()) {
      deliver(pending.remove(0));
    }
  }

  private int undelivered() {
    return consumers.pendingRedeliveries.getOrDefault(this, List.of()).stream()
        .mapToInt(Delivery::getOffsetsCount)
        .sum();
  }

  private void settle(Settle settle) {
    consumers.settles.add(settle);
    consumers.leases.noteDecided(settle);
    switch (consumers.fates.of(replica, settle)) {
      case STORED -> say(apply(settle));
      case STORED_AND_BROKEN -> {
        apply(settle);
        breakOff();
      }
      case LOST_AND_BROKEN -> breakOff();
      case HALF_TOO_MANY -> {
        var half = SettleReceipt.newBuilder().setSequence(settle.getSequence());
        for (int i = 0; i < settle.getSettlementsCount(); i++) {
          half.addResults(
              i % 2 == 0
                  ? consumers.leases.settle(settle.getSettlements(i))
                  : SettleReceipt.Result.newBuilder().setCode(Code.TOO_MANY_REQUESTS).build());
        }
        say(ConsumeResponse.newBuilder().setReceipt(half).build());
      }
      case NO_LEADER -> {
        var none = SettleReceipt.newBuilder().setSequence(settle.getSequence());
        settle
            .getSettlementsList()
            .forEach(
                each -> none.addResults(SettleReceipt.Result.newBuilder().setCode(Code.NO_LEADER)));
        say(ConsumeResponse.newBuilder().setReceipt(none).build());
      }
      case FROZEN -> frozen = true;
      case WRONG_RECEIPT ->
          say(
              ConsumeResponse.newBuilder()
                  .setReceipt(SettleReceipt.newBuilder().setSequence(settle.getSequence()))
                  .build());
    }
    deliverAgain();
    deliver();
  }

  private ConsumeResponse apply(Settle settle) {
    var receipt = SettleReceipt.newBuilder().setSequence(settle.getSequence());
    for (Settlement each : settle.getSettlementsList()) {
      receipt.addResults(consumers.leases.settle(each));
    }
    return ConsumeResponse.newBuilder().setReceipt(receipt).build();
  }

  private void leave() {
    over = true;
    consumers.streams.remove(this);
    consumers.pendingRedeliveries.remove(this);
  }
}
