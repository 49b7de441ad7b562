package io.keelmq.client;

import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumePaused;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Trimmed;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link Consumer} at its broker group: gives credit, takes deliveries, and carries decisions
 * until each has its answer, over one stream after the other. A new stream names the leases that
 * are held, so that the broker keeps them and delivers again only what never came. Owned by the
 * loop, but for {@link #settle} and the figures. Nothing survives the process: the broker ends the
 * leases of a client that does not come back.
 */
final class ConsumeSession implements ConsumeLink.Events {

  private static final Logger LOG = LoggerFactory.getLogger(ConsumeSession.class);

  /** How soon the place of a message is free whose lease has ended by time. */
  private static final long LAPSE_MILLIS = 250;

  private final ClientCore core;
  private final Consumer.Builder options;
  private final Inbox inbox;
  private final ConsumerCounters counters;
  private final CreditLine credit;
  private final HeldLeases leases;
  private final SettleLine line;
  private final ConsumeLink link;
  private final CompletableFuture<Void> firstOpened = new CompletableFuture<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final ConcurrentLinkedQueue<Settling> wishes = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean awake = new AtomicBoolean();

  private final long id = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);
  private int streams;
  private boolean fifo;
  private boolean closing;
  private boolean closeWanted;
  private int window;
  private volatile boolean ending;
  private volatile boolean done;

  /**
   * @param group of brokers
   */
  ConsumeSession(
      ClientCore core,
      Consumer.Builder options,
      String group,
      Inbox inbox,
      LeaseClock clock,
      ConsumerCounters counters) {
    this.core = core;
    this.options = options;
    this.inbox = inbox;
    this.counters = counters;
    credit = new CreditLine(options.maxInFlight, options.maxInFlightBytes);
    leases = new HeldLeases(this, options.topic, credit, clock, counters);
    line = leases.line();
    link = new ConsumeLink(core, group, "group=" + options.group + " topic=" + options.topic, this);
  }

  /** Completes when a replica has opened the consumer, or fails when none did in time. */
  CompletableFuture<Void> start() {
    core.loop()
        .execute(
            () -> {
              core.loop().schedule(this::openTimedOut, options.openTimeout.toMillis());
              link.start();
              if (!options.renew) {
                lapse();
              }
            });
    return firstOpened;
  }

  /** From any thread: a decision about a message. */
  void settle(Settling wish) {
    if (ending) {
      wish.fail(closed());
      return;
    }
    wishes.add(wish);
    if (awake.compareAndSet(false, true)) {
      core.loop().execute(this::takeWishes);
    }
    if (done) {
      // The loop may have taken its last look before.
      failWishes();
    }
  }

  ConsumerStats stats() {
    return counters.stats(credit);
  }

  /** When the consumer has ended, whatever ended it. */
  CompletableFuture<Void> end() {
    return ended;
  }

  void awaitEnd(long waitNanos) throws InterruptedException {
    try {
      ended.get(Math.max(0, waitNanos), TimeUnit.NANOSECONDS);
    } catch (ExecutionException | TimeoutException e) {
      // Whoever asks for the end learns of the one, and aborts after the other.
    }
  }

  /** Present when no replica has served the consumer for long. */
  Optional<Unavailable> complaint() {
    return link.complaint();
  }

  /** Takes nothing more. */
  void stopCredit() {
    core.loop().execute(() -> closing = true);
  }

  /** After {@link #stopCredit}: once every decision is answered, gives back the rest and ends. */
  void closeWhenSettled() {
    core.loop()
        .execute(
            () -> {
              closeWanted = true;
              takeWishes();
            });
  }

  /** Ends at once: leases that are left end as those of a broken stream do. */
  void abort(String reason) {
    ending = true;
    core.loop()
        .execute(() -> finish(() -> new ClientClosed(Code.SHUTTING_DOWN, reason), reason, null));
  }

  @Override
  public OpenConsumer open() {
    counters.openedStreams.increment();
    return OpenConsumer.newBuilder()
        .setClientId(options.clientId)
        .setConsumerGroup(options.group)
        .setTopic(options.topic)
        .setTags(options.tags)
        .setInvisibleMillis(options.invisible.toMillis())
        .setRenew(options.renew)
        .setMaxBatchMessages(options.batchMessages())
        .addAllHeld(leases.refs())
        .setConsumerId(id)
        .setStreamNumber(++streams)
        .build();
  }

  @Override
  public boolean wantsStream() {
    // Leases of a stream that broke end by themselves: for them alone nobody comes back.
    return !(closeWanted && line.isEmpty() && wishes.isEmpty());
  }

  @Override
  public boolean awaitsAnswer() {
    return line.inFlight() > 0;
  }

  @Override
  public void response(ConsumeResponse response) {
    switch (response.getEventCase()) {
      case OPENED -> opened(response.getOpened());
      case DELIVERY -> delivered(response.getDelivery());
      case RECEIPT -> {
        switch (line.receipt(response.getReceipt())) {
          case GO_ON -> link.worked();
          case REOPEN -> link.broken("could not store a decision");
          case BREACH ->
              link.breach("answered a decision that was not asked for: " + response.getReceipt());
        }
      }
      case TRIMMED -> trimmed(response.getTrimmed());
      case PAUSED -> paused(response.getPaused());
      case EVENT_NOT_SET -> {
        // An event that a newer broker knows; nothing is decided by passing over it.
      }
    }
    pump();
  }

  @Override
  public void left() {
    inbox.disconnected();
    line.streamLeft();
  }

  @Override
  public void ended() {
    finish(ConsumeSession::closed, "closed", null);
  }

  @Override
  public void refused(RequestRejected why) {
    finish(() -> why, why.getMessage(), why);
  }

  private void opened(ConsumerOpened said) {
    fifo = said.getFifo();
    window = Math.min(SettleLine.MAX_IN_FLIGHT, Math.max(1, said.getMaxSettlesInFlight()));
    link.opened();
    credit.streamOpened();
    leases.lost(said.getLostList());
    inbox.connected(fifo);
    firstOpened.complete(null);
  }

  private void delivered(Delivery delivery) {
    int messages = HeldLeases.count(delivery);
    if (messages <= 0 || !credit.sent(messages)) {
      link.breach(
          "delivered %d messages with a credit of %d".formatted(messages, credit.allowance()));
      return;
    }
    if (closing) {
      // It goes back with CloseConsumer, or comes again to whoever is next.
      return;
    }
    List<ConsumedMessage> fresh;
    try {
      fresh = leases.take(delivery, core.loop().nanoTime());
    } catch (IllegalArgumentException e) {
      link.breach(e.getMessage());
      return;
    }
    link.worked();
    if (!fresh.isEmpty()) {
      inbox.put(fresh);
    }
  }

  private void trimmed(Trimmed range) {
    counters.trimmedMessages.add(Math.max(0, range.getFirstOffset() - range.getWantedOffset()));
    if (options.onTrimmed != null) {
      var lost =
          new MessagesTrimmed(
              options.topic, range.getQueue(), range.getWantedOffset(), range.getFirstOffset());
      core.loop().execute(() -> options.onTrimmed.accept(lost));
    }
  }

  private void paused(ConsumePaused paused) {
    counters.pauses.increment();
    LOG.warn(
        "consumer group={} topic={} queue={}: delivery pauses: {}",
        options.group,
        options.topic,
        paused.getQueue(),
        paused.getMessage());
  }

  private void takeWishes() {
    awake.set(false);
    if (done || link.endIsAsked()) {
      // Too late: what was not settled by then is given back.
      failWishes();
      return;
    }
    Settling wish;
    while ((wish = wishes.poll()) != null) {
      leases.wish(wish, fifo);
    }
    pump();
  }

  private void failWishes() {
    Settling wish;
    while ((wish = wishes.poll()) != null) {
      wish.fail(closed());
    }
  }

  private static ClientClosed closed() {
    return new ClientClosed(Code.SHUTTING_DOWN, "the consumer is closed");
  }

  private void lapse() {
    if (!done) {
      leases.lapse();
      pump();
      core.loop().schedule(this::lapse, LAPSE_MILLIS);
    }
  }

  /** Writes all that may be written now. */
  private void pump() {
    if (done || !link.isOpen()) {
      link.connect();
      return;
    }
    ConsumeStream stream = link.stream();
    SettleLine.Request request;
    while ((request = line.next(window)) != null) {
      if (line.inFlight() == 1) {
        link.asked();
      }
      if (request.writtenFirst()) {
        counters.settleRequests.increment();
        credit.released(request.messages());
      } else {
        counters.repeatedSettles.increment();
      }
      stream.settle(request.toProto());
    }
    if (!closing) {
      int more = credit.take();
      if (more > 0) {
        stream.give(more);
      }
    } else if (!wantsStream()) {
      link.askForEnd();
    }
    if (!credit.isFull()) {
      stream.askForMore();
    }
  }

  private void openTimedOut() {
    if (!firstOpened.isDone()) {
      String last = link.lastWord();
      String text =
          "no replica opened the consumer within %s; last: %s"
              .formatted(options.openTimeout, last.isEmpty() ? core.routes().problem() : last);
      var unavailable = new Unavailable(Code.NO_LEADER, text);
      finish(() -> unavailable, text, unavailable);
    }
  }

  /**
   * The end.
   *
   * @param neverSent for decisions that no replica has seen
   * @param fatal null unless the consumer cannot be
   */
  private void finish(Supplier<KeelException> neverSent, String reason, KeelException fatal) {
    if (done) {
      return;
    }
    done = true;
    link.close(reason);
    line.failAll(neverSent, reason);
    failWishes();
    KeelException last = fatal == null ? neverSent.get() : fatal;
    inbox.fail(last);
    firstOpened.completeExceptionally(last);
    if (fatal == null) {
      ended.complete(null);
    } else {
      ended.completeExceptionally(fatal);
    }
  }
}
