package io.keelmq.broker.api;

import io.grpc.SynchronizationContext;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.state.Limits;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.ProducerOpened;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.PublishResponse;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One producer's Publish stream.
 *
 * <p>Batches are handed in their order to the replica that leads, be it this one, many at a time,
 * and their receipts go back in the same order. When the leader is lost, or turns a batch away
 * because too much is in flight, the session goes back to that batch and hands it and all that
 * follow over once more, in order and under the same sequences: the state machine stores none twice
 * and none before its predecessor. Nothing survives a crash; the producer publishes again what has
 * no receipt.
 *
 * <p>Its fields are owned by {@link #turn}, which lets one thread at a time work on the session:
 * the event loop for what arrives, the replica's threads for outcomes.
 */
final class PublishSession implements StreamObserver<PublishRequest>, PublishTarget.Answers {

  static final int MAX_IN_FLIGHT_BATCHES = Limits.PRODUCER_WINDOW;
  static final long MAX_IN_FLIGHT_BYTES = 16L << 20;

  private static final Logger LOG = LoggerFactory.getLogger(PublishSession.class);

  private final Edge edge;
  private final InFlightBytes inFlight;
  private final TransactionChecks checks;
  private final ServerCallStreamObserver<PublishResponse> producerSide;
  private final Runnable onEnd;
  private final boolean forwarded = LeaderForwarder.isForwarded();
  private final PendingBatches pending;
  private final Hold hold;
  private final SynchronizationContext turn =
      new SynchronizationContext((thread, defect) -> defect(defect));
  // Fields, because who is to forget them must be given the same object again.
  private final Runnable watcher;
  private final Runnable roomMade;

  private Optional<OpenProducer> producer = Optional.empty();
  private boolean opened;
  private boolean ended;
  private boolean producerIsDone;
  private boolean stopping;
  private boolean requested = true;
  private Optional<PublishTarget> target = Optional.empty();
  private Optional<AskedProducer> asked = Optional.empty();
  private Leadership targetOf = Leadership.UNINITIALIZED;

  PublishSession(
      Edge edge,
      InFlightBytes inFlight,
      TransactionChecks checks,
      StreamObserver<PublishResponse> producerSide,
      Runnable onEnd) {
    this.edge = edge;
    this.inFlight = inFlight;
    this.checks = checks;
    this.pending = new PendingBatches(inFlight);
    this.producerSide = (ServerCallStreamObserver<PublishResponse>) producerSide;
    this.onEnd = onEnd;
    this.watcher = () -> turn.execute(this::leadershipChanged);
    this.roomMade = () -> turn.execute(this::goOn);
    this.hold = new Hold(edge, turn, this::goOn);
  }

  /**
   * Called on the event loop before anything arrives.
   *
   * @param full refuse the producer: too many others are here
   */
  void start(boolean full) {
    edge.stats().openProducers.increment();
    if (full) {
      refuse(new Refusal(Code.TOO_MANY_REQUESTS, "too many producers are open here"));
      return;
    }
    producerSide.disableAutoRequest();
    producerSide.setOnReadyHandler(roomMade);
    producerSide.setOnCancelHandler(() -> turn.execute(this::end));
    producerSide.request(1);
  }

  /** Takes no more batches, and ends the stream when those taken have their receipts. */
  void stop() {
    turn.execute(
        () -> {
          stopping = true;
          goOn();
        });
  }

  @Override
  public void onNext(PublishRequest request) {
    // Judged here and not in the turn, so that no other thread does this one's work.
    Optional<Refusal> refusal =
        switch (request.getRequestCase()) {
          case OPEN -> RequestChecks.open(request.getOpen());
          case BATCH -> RequestChecks.batch(request.getBatch());
          case REQUEST_NOT_SET ->
              Optional.of(Refusal.invalid("expected open or batch, found neither"));
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
          producerIsDone = true;
          goOn();
        });
  }

  private void arrived(PublishRequest request, Optional<Refusal> refusal) {
    if (ended) {
      return;
    }
    requested = false;
    if (producer.isPresent() != request.hasBatch()) {
      refuse(
          refusal.orElseGet(
              () ->
                  Refusal.invalid("the first request opens the producer, all others are batches")));
    } else if (producer.isEmpty()) {
      refusal.ifPresentOrElse(this::refuse, () -> open(request.getOpen()));
    } else {
      var batch = new PendingBatch(request);
      refusal.ifPresent(batch::refuse);
      pending.add(batch);
      goOn();
    }
  }

  private void open(OpenProducer open) {
    producer = Optional.of(open);
    new ProducerOpening(edge, forwarded, open)
        .begin(
            lastSequence -> turn.execute(() -> opened(lastSequence)),
            why -> turn.execute(() -> refuse(why)));
  }

  private void opened(long lastSequence) {
    if (ended) {
      return;
    }
    opened = true;
    edge.watch().add(watcher);
    List<String> topics = producer.orElseThrow().getCheckTopicsList();
    if (!forwarded && !topics.isEmpty()) {
      var willAnswer =
          new AskedProducer(
              checks, Set.copyOf(topics), turn, producerSide, () -> ended, edge.stats());
      asked = Optional.of(willAnswer);
      // Before the producer learns that it is open; what it is asked comes behind that in the turn.
      willAnswer.begin();
    }
    producerSide.onNext(
        PublishResponse.newBuilder()
            .setOpened(
                ProducerOpened.newBuilder()
                    .setMaxInFlightBatches(MAX_IN_FLIGHT_BATCHES)
                    .setMaxInFlightBytes(MAX_IN_FLIGHT_BYTES)
                    .setLastSequence(lastSequence))
            .build());
    goOn();
  }

  /** Does all that can be done now; called after every change. */
  private void goOn() {
    if (ended) {
      return;
    }
    if (!opened) {
      if (stopping) {
        refuse(Refusal.shuttingDown());
      } else if (producerIsDone && producer.isEmpty()) {
        refuse(Refusal.invalid("the stream ended before it opened a producer"));
      }
      return;
    }
    giveReceipts();
    handOver();
    giveReceipts();
    if (ended) {
      return;
    }
    if (pending.isEmpty() && (producerIsDone || stopping)) {
      if (producerIsDone) {
        end();
        producerSide.onCompleted();
      } else {
        refuse(Refusal.shuttingDown());
      }
    } else {
      takeMore();
    }
  }

  private void giveReceipts() {
    for (PendingBatch batch : pending.takeDecided()) {
      count(batch);
      producerSide.onNext(PublishResponse.newBuilder().setReceipt(batch.receipt()).build());
    }
  }

  private void count(PendingBatch batch) {
    BatchReceipt receipt = batch.receipt();
    if (receipt.getCode() != Code.OK) {
      edge.stats().countRefused(receipt.getCode());
    } else if (!receipt.getDuplicate()) {
      edge.stats().publishBatches.increment();
      edge.stats().publishMessages.add(batch.messages());
      edge.stats().publishBytes.add(batch.bytes());
    }
  }

  private void handOver() {
    for (var next = pending.next(); next.isPresent() && !hold.isPausing(); next = pending.next()) {
      if (target.isEmpty() && !findTarget()) {
        return;
      }
      PendingBatch batch = next.get();
      if (batch.isCopied()) {
        edge.stats().republished.increment();
      }
      // The answer may come before publish returns, but it waits for the end of this turn.
      pending.advance();
      target.get().publish(batch, batch.newCopy());
    }
  }

  /** Chooses whom to hand batches to; without anyone, holds what there is. */
  private boolean findTarget() {
    Leadership now = edge.replica().leadership();
    if (now.isLeader()) {
      target = Optional.of(new LocalTarget(edge.replica(), producer.orElseThrow(), this));
    } else if (forwarded) {
      refuse(Refusal.noLeader("this replica does not lead any more"));
      return false;
    } else if (now.leaderAddress().isPresent()) {
      edge.stats().forwards.increment();
      target =
          Optional.of(
              new RemoteTarget(
                  edge.forwarder().to(now.leaderAddress().get()), producer.orElseThrow(), this));
    } else {
      inTrouble(
          Refusal.noLeader("no leader is known to this replica"), Edge.RETRY_EVERY.toMillis());
      return false;
    }
    targetOf = now;
    return true;
  }

  private void takeMore() {
    if (!requested
        && !producerIsDone
        && !stopping
        && pending.size() < MAX_IN_FLIGHT_BATCHES
        && pending.bytes() < MAX_IN_FLIGHT_BYTES
        // A producer that does not take its receipts gets no new ones.
        && producerSide.isReady()
        && inFlight.hasRoom(roomMade)) {
      requested = true;
      producerSide.request(1);
    }
  }

  @Override
  public void judged(PendingBatch batch, int copy, BatchReceipt.Builder receipt) {
    turn.execute(
        () -> {
          batch.closeCopy();
          boolean stored = receipt.getCode() == Code.OK;
          // That an old copy is stored settles the batch; that it is not says nothing about others.
          if (!ended && !batch.isDecided() && (stored || batch.isLive(copy))) {
            if (!stored
                && lacksPredecessor(receipt.getCode())
                && pending.hasUndecidedBefore(batch)) {
              pending.goBackTo(batch);
              inTrouble(
                  new Refusal(receipt.getCode(), receipt.getMessage()),
                  Edge.OVERLOAD_PAUSE.toMillis());
            } else {
              batch.decide(receipt);
              hold.end();
            }
            goOn();
          }
        });
  }

  @Override
  public void notTaken(PendingBatch batch, int copy, Refusal why) {
    turn.execute(
        () -> {
          batch.closeCopy();
          if (!ended && batch.isLive(copy)) {
            loseTarget(why);
          }
        });
  }

  @Override
  public void overloaded(PendingBatch batch, int copy, Refusal why) {
    turn.execute(
        () -> {
          batch.closeCopy();
          if (!ended && batch.isLive(copy)) {
            pending.goBackTo(batch);
            inTrouble(why, Edge.OVERLOAD_PAUSE.toMillis());
            goOn();
          }
        });
  }

  @Override
  public void lost(PendingBatch batch, int copy, String why) {
    turn.execute(
        () -> {
          batch.loseCopy();
          if (!ended && batch.isLive(copy)) {
            loseTarget(new Refusal(Code.OUTCOME_UNKNOWN, why));
          }
        });
  }

  @Override
  public void refused(PublishTarget gone, Refusal why) {
    turn.execute(
        () -> {
          if (!ended && target.filter(gone::equals).isPresent()) {
            refuse(why);
          }
        });
  }

  @Override
  public void broken(PublishTarget gone, String why) {
    turn.execute(
        () -> {
          if (!ended && target.filter(gone::equals).isPresent()) {
            loseTarget(Refusal.noLeader(why));
          }
        });
  }

  private static boolean lacksPredecessor(Code code) {
    return code == Code.SEQUENCE_GAP || code == Code.PRODUCER_UNKNOWN;
  }

  private void loseTarget(Refusal why) {
    target.ifPresent(PublishTarget::close);
    target = Optional.empty();
    pending.goBackToTheOldest();
    if (forwarded) {
      // The replica that passed the stream on knows what to publish again, and where.
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
      // The old leader may never answer. What it stores after all is found stored by the new one.
      loseTarget(Refusal.noLeader("the leader changed"));
    } else if (target.isEmpty() && (now.isLeader() || now.leaderAddress().isPresent())) {
      hold.endPause();
      goOn();
    }
  }

  /** Holds the batches for a while, or gives them up if they have been held for long enough. */
  private void inTrouble(Refusal why, long pauseMillis) {
    // Without batches nobody waits: the hold begins with the next one.
    if (!pending.isEmpty()) {
      hold.extend(why, pauseMillis).ifPresent(pending::giveUp);
    }
  }

  private void refuse(Refusal why) {
    if (ended) {
      return;
    }
    end();
    producerSide.onError(edge.refuse(why));
  }

  private void end() {
    if (ended) {
      return;
    }
    ended = true;
    edge.stats().openProducers.decrement();
    edge.watch().remove(watcher);
    target.ifPresent(PublishTarget::close);
    asked.ifPresent(AskedProducer::end);
    pending.clear();
    inFlight.forget(roomMade);
    onEnd.run();
  }

  private void defect(Throwable cause) {
    LOG.error("a publish session failed", cause);
    if (!ended) {
      refuse(Refusal.internal(cause));
    }
  }
}
