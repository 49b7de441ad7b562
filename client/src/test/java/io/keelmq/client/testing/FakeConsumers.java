package io.keelmq.client.testing;

import io.grpc.stub.StreamObserver;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The consumers of a {@link FakeGroup}, all of one consumer group at the topic "orders". Faults are
 * decided request by request. Thread-safe by its monitor.
 */
public final class FakeConsumers {

  /** What happens to a Settle. */
  public enum Fate {
    STORED,
    STORED_AND_BROKEN,
    LOST_AND_BROKEN,
    /** Every second settlement is refused for now. */
    HALF_TOO_MANY,
    NO_LEADER,
    /** Nothing is answered on this stream any more. */
    FROZEN,
    /** A receipt that does not fit its request. */
    WRONG_RECEIPT
  }

  /** Decides. */
  public interface Fates {
    Fate of(int replica, Settle settle);
  }

  public final FakeLeases leases;
  public final List<OpenConsumer> opens = new CopyOnWriteArrayList<>();
  public final List<Settle> settles = new CopyOnWriteArrayList<>();
  public final List<Integer> credits = new CopyOnWriteArrayList<>();
  public final List<String> closed = new CopyOnWriteArrayList<>();
  public final List<String> breaches = new CopyOnWriteArrayList<>();
  public volatile Fates fates = (replica, settle) -> Fate.STORED;

  /** What opening is answered with, unless OK. */
  public volatile Code refusal = Code.OK;

  /** True: nothing is delivered. */
  public volatile boolean paused;

  /** Messages that a client may have and be sent together; 0: not checked. */
  public volatile int limit;

  public volatile int mostOutstanding;

  final List<FakeConsume> streams = new ArrayList<>();
  final Map<FakeConsume, List<Delivery>> pendingRedeliveries = new HashMap<>();

  FakeConsumers(FakeLog log) {
    leases = new FakeLeases(log, "orders");
  }

  StreamObserver<ConsumeRequest> consume(int replica, StreamObserver<ConsumeResponse> responses) {
    return new FakeConsume(this, replica, responses);
  }

  public synchronized int openStreams() {
    return streams.size();
  }

  /** Sends an event to everybody, whatever the protocol says about it. */
  public synchronized void say(ConsumeResponse event) {
    List.copyOf(streams).forEach(stream -> stream.inject(event));
  }

  /** Looks again at what can be delivered. */
  public synchronized void deliver() {
    for (FakeConsume stream : List.copyOf(streams)) {
      stream.deliverAgain();
      stream.deliver();
    }
  }

  public synchronized void breakAll() {
    List.copyOf(streams).forEach(FakeConsume::breakOff);
  }

  public synchronized void refuseAll(Code code) {
    List.copyOf(streams).forEach(stream -> stream.refuse(code));
  }

  void checkCredit(String client, int credit) {
    int together = leases.undecided(client) + credit;
    if (limit > 0 && together > limit) {
      breaches.add("credit for " + together + " messages of " + limit);
    }
  }

  void maxOutstanding(String client) {
    mostOutstanding = Math.max(mostOutstanding, leases.undecided(client));
  }
}
