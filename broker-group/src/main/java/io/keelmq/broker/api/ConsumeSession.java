package io.keelmq.broker.api;

import io.grpc.SynchronizationContext;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Credit;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One consumer's Consume stream.
 *
 * <p>Its messages come from the planner of this replica, if it leads, or over a stream of this
 * session's own to the replica that does. When that leader is lost, the session opens another
 * stream at the next one on behalf of the consumer: with the leases that the consumer holds, the
 * credit that is left and the Settle requests that have no receipt. The consumer sees a pause. A
 * consumer of the leader itself is told to open again, because it is better off at the next one.
 *
 * <p>Nothing survives a crash; leases are in the state. Its fields are owned by {@link #turn},
 * which lets one thread at a time work on the session.
 */
final class ConsumeSession implements StreamObserver<ConsumeRequest>, ConsumeTarget.Events {

  static final int MAX_SETTLES_IN_FLIGHT = 1_024;

  /** Settlements and ranges of offsets that wait for receipts; a single request may be larger. */
  static final int MAX_SETTLES_WEIGHT = 32_768;

  private static final Logger LOG = LoggerFactory.getLogger(ConsumeSession.class);

  private final Edge edge;
  private final DeliveryPlanners planners;
  private final ServerCallStreamObserver<ConsumeResponse> consumerSide;
  private final Runnable onEnd;
  private final boolean forwarded = LeaderForwarder.isForwarded();
  private final PendingSettles settles = new PendingSettles();
  private final HeldLeases held = new HeldLeases();
  private final Hold hold;
  private final SynchronizationContext turn =
      new SynchronizationContext((thread, defect) -> defect(defect));
  // A field, because who is to forget it must be given the same object again.
  private final Runnable watcher;

  private Optional<OpenConsumer> open = Optional.empty();
  private int targets;
  private boolean toldOpened;
  private boolean ended;
  private boolean closing;
  private boolean callerIsDone;
  private boolean requested = true;
  private long credit;
  private long lastSequence;
  private Optional<ConsumeTarget> target = Optional.empty();
  private Leadership targetOf = Leadership.UNINITIALIZED;

  ConsumeSession(
      Edge edge,
      DeliveryPlanners planners,
      StreamObserver<ConsumeResponse> consumerSide,
      Runnable onEnd) {
    this.edge = edge;
    this.planners = planners;
    this.consumerSide = (ServerCallStreamObserver<ConsumeResponse>) consumerSide;
    this.onEnd = onEnd;
    this.watcher = () -> turn.execute(this::leadershipChanged);
    this.hold = new Hold(edge, turn, this::goOn);
  }

  /**
   * Called on the event loop before anything arrives.
   *
   * @param full refuse the consumer: too many others are here
   */
  void start(boolean full) {
    edge.stats().openConsumers.increment();
    consumerSide.setOnCancelHandler(() -> turn.execute(this::end));
    if (full) {
      refuse(
          new Refusal(
              Code.TOO_MANY_REQUESTS,
              StreamsService.MAX_CONSUME_STREAMS + " consumers are open here: go to another one"));
      return;
    }
    consumerSide.disableAutoRequest();
    consumerSide.setOnReadyHandler(() -> turn.execute(this::callerIsReady));
    consumerSide.request(1);
  }

  /** Ends the stream: its consumer goes on at another replica. */
  void stop() {
    turn.execute(() -> refuse(Refusal.shuttingDown()));
  }

  @Override
  public void onNext(ConsumeRequest request) {
    // Judged here and not in the turn, so that no other thread does this one's work.
    Optional<Refusal> refusal =
        switch (request.getRequestCase()) {
          case OPEN -> ConsumeChecks.open(request.getOpen());
          case CREDIT -> ConsumeChecks.credit(request.getCredit());
          case SETTLE -> ConsumeChecks.shape(request.getSettle());
          case CLOSE -> Optional.empty();
          case REQUEST_NOT_SET ->
              Optional.of(Refusal.invalid("expected open, credit, settle or close, found none"));
        };
    turn.execute(() -> arrived(request, refusal));
  }

  @Override
  public void onError(Throwable failure) {
    turn.execute(this::end);
  }

  @Override
  public void onCompleted() {
    turn.execute(
        () -> {
          callerIsDone = true;
          if (!ended && open.isEmpty()) {
            refuse(Refusal.invalid("the stream ended before it opened a consumer"));
          } else {
            close();
          }
        });
  }

  private void arrived(ConsumeRequest request, Optional<Refusal> refusal) {
    if (ended) {
      return;
    }
    requested = false;
    if (refusal.isPresent()) {
      refuse(refusal.get());
    } else if (open.isPresent() == request.hasOpen()) {
      refuse(Refusal.invalid("the first request, and no other, opens the consumer"));
    } else if (closing) {
      refuse(Refusal.invalid("nothing is expected after close"));
    } else {
      switch (request.getRequestCase()) {
        case OPEN -> open(request.getOpen());
        case CREDIT -> credit(request.getCredit());
        case SETTLE -> settle(request.getSettle());
        default -> close();
      }
      goOn();
    }
  }

  private void open(OpenConsumer request) {
    open = Optional.of(request);
    held.brought(request.getHeldList());
    edge.watch().add(watcher);
  }

  private void credit(Credit more) {
    if (credit + more.getMessages() > ConsumeChecks.MAX_CREDIT) {
      refuse(
          Refusal.invalid(
              "credit for "
                  + (credit + more.getMessages())
                  + " messages at once, at most "
                  + ConsumeChecks.MAX_CREDIT));
      return;
    }
    credit += more.getMessages();
    target.ifPresent(to -> to.credit(more.getMessages()));
  }

  private void settle(Settle settle) {
    if (settle.getSequence() <= lastSequence) {
      refuse(
          Refusal.invalid(
              "sequence " + settle.getSequence() + " after " + lastSequence + ": expected a rise"));
      return;
    }
    lastSequence = settle.getSequence();
    settles.add(settle, target.isPresent());
    target.ifPresent(to -> to.settle(settle));
  }

  private void close() {
    if (!ended && !closing) {
      closing = true;
      target.ifPresent(ConsumeTarget::closeConsumer);
    }
  }

  /** Does all that can be done now; called after every change. */
  private void goOn() {
    if (ended || open.isEmpty()) {
      return;
    }
    if (target.isEmpty() && !hold.isPausing()) {
      findTarget();
    }
    takeMore();
  }

  private void findTarget() {
    Leadership now = edge.replica().leadership();
    OpenConsumer request = open.get();
    if (now.role() == Leadership.Role.UNINITIALIZED) {
      refuse(Refusal.notInitialized());
      return;
    }
    ConsumeTarget found;
    if (now.isLeader()) {
      found = new LocalConsumer(edge, planners, nextOpen(request), this, turn);
    } else if (forwarded) {
      refuse(Refusal.noLeader("this replica does not lead"));
      return;
    } else if (now.leaderAddress().isPresent()) {
      edge.stats().forwards.increment();
      found =
          new RemoteConsumer(
              edge.forwarder().to(now.leaderAddress().get()), nextOpen(request), this);
    } else {
      inTrouble(
          Refusal.noLeader("no leader is known to this replica"), Edge.RETRY_EVERY.toMillis());
      return;
    }
    target = Optional.of(found);
    targetOf = now;
    if (toldOpened) {
      edge.stats().reopenedConsumers.increment();
    }
    found.open();
    if (credit > 0) {
      found.credit((int) credit);
    }
    settles.unanswered().forEach(found::settle);
    if (closing) {
      found.closeConsumer();
    }
  }

  private OpenConsumer nextOpen(OpenConsumer request) {
    if (forwarded) {
      return request;
    }
    var next = request.toBuilder().setForwardNumber(++targets);
    if (toldOpened) {
      next.clearHeld().addAllHeld(held.leases());
    }
    return next.build();
  }

  private void takeMore() {
    if (!ended
        && !requested
        && !callerIsDone
        && settles.size() < MAX_SETTLES_IN_FLIGHT
        && settles.weight() < MAX_SETTLES_WEIGHT
        // A consumer that does not take what it is sent gets no new receipts.
        && consumerSide.isReady()
        && target.map(ConsumeTarget::isReady).orElse(true)) {
      requested = true;
      consumerSide.request(1);
    }
  }

  private void callerIsReady() {
    if (!ended && consumerSide.isReady()) {
      target.ifPresent(ConsumeTarget::callerIsReady);
      takeMore();
    }
  }

  @Override
  public void event(ConsumeTarget from, ConsumeResponse event) {
    turn.execute(
        () -> {
          if (ended || !isTarget(from)) {
            from.missed(event);
            return;
          }
          hand(event);
          from.taken(event);
          callerIsReady();
        });
  }

  private void hand(ConsumeResponse event) {
    switch (event.getEventCase()) {
      case OPENED -> {
        hold.end();
        held.lost(event.getOpened().getLostList());
        if (!toldOpened) {
          toldOpened = true;
          consumerSide.onNext(event);
        }
      }
      case DELIVERY -> {
        credit -= HeldLeases.messages(event.getDelivery());
        held.delivered(event.getDelivery());
        consumerSide.onNext(event);
      }
      case RECEIPT -> {
        SettleReceipt receipt = event.getReceipt();
        settles.receipt(receipt).ifPresent(settle -> held.settled(settle, receipt));
        for (SettleReceipt next : settles.takeReceipts()) {
          consumerSide.onNext(ConsumeResponse.newBuilder().setReceipt(next).build());
        }
      }
      default -> consumerSide.onNext(event);
    }
  }

  @Override
  public void ready(ConsumeTarget from) {
    turn.execute(this::takeMore);
  }

  @Override
  public void refused(ConsumeTarget from, Refusal why) {
    turn.execute(
        () -> {
          if (isTarget(from)) {
            refuse(why);
          }
        });
  }

  @Override
  public void broken(ConsumeTarget from, Refusal why) {
    turn.execute(
        () -> {
          if (!ended && isTarget(from)) {
            loseTarget(why);
          }
        });
  }

  @Override
  public void completed(ConsumeTarget from) {
    turn.execute(
        () -> {
          if (ended || !isTarget(from)) {
            return;
          }
          if (!closing) {
            loseTarget(Refusal.noLeader("the leader ended the stream"));
            return;
          }
          end();
          consumerSide.onCompleted();
        });
  }

  private boolean isTarget(ConsumeTarget from) {
    return target.filter(from::equals).isPresent();
  }

  private void loseTarget(Refusal why) {
    boolean wasLocal = target.filter(ConsumeTarget::isLocal).isPresent();
    target.ifPresent(ConsumeTarget::abandon);
    target = Optional.empty();
    if (forwarded || (wasLocal && toldOpened)) {
      // The replica that passed the stream on, or the consumer, opens it again, and knows where.
      refuse(Refusal.noLeader("this replica lost the lead: " + why.message()));
      return;
    }
    boolean anotherLeads = !edge.replica().leadership().hasSameLeaderAs(targetOf);
    inTrouble(why, anotherLeads ? 0 : Edge.RETRY_EVERY.toMillis());
    goOn();
  }

  private void leadershipChanged() {
    if (ended) {
      return;
    }
    Leadership now = edge.replica().leadership();
    if (target.isPresent() && !now.hasSameLeaderAs(targetOf)) {
      loseTarget(Refusal.noLeader("the leader changed"));
    } else if (target.isEmpty() && (now.isLeader() || now.leaderAddress().isPresent())) {
      hold.endPause();
      goOn();
    }
  }

  /** Holds the consumer for a while, or gives it up if it has been held for long enough. */
  private void inTrouble(Refusal why, long pauseMillis) {
    hold.extend(why, pauseMillis).ifPresent(this::refuse);
  }

  private void refuse(Refusal why) {
    if (ended) {
      return;
    }
    end();
    consumerSide.onError(edge.refuse(why));
  }

  private void end() {
    if (ended) {
      return;
    }
    ended = true;
    edge.stats().openConsumers.decrement();
    edge.watch().remove(watcher);
    target.ifPresent(ConsumeTarget::abandon);
    onEnd.run();
  }

  private void defect(Throwable cause) {
    LOG.error("a consume session failed", cause);
    refuse(Refusal.internal(cause));
  }
}
