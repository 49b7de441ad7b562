package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import io.keelmq.client.ClientClosed;
import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.Consumer;
import io.keelmq.client.KeelClient;
import io.keelmq.client.LeaseLost;
import io.keelmq.client.RequestRejected;
import io.keelmq.client.Unavailable;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * One lease consumer of a run: takes messages and acknowledges most of them, some late, some never;
 * gives some back, extends some, buries some; and writes all of it down. Has a thread of its own;
 * what it does later it does on the executor's.
 */
final class CrewMember implements AutoCloseable {

  private static final int MAX_RECEIVE = 16;
  private static final Duration POLL = Duration.ofMillis(500);

  /** One of so many messages fails again and again, whoever works on it, until it is dead. */
  private static final int POISON_EVERY = 499;

  private final int number;
  private final Crew crew;
  private final KeelClient client;
  private final History history;
  private final Random random;
  private final ScheduledExecutorService later;
  private volatile boolean draining;
  private volatile boolean closing;
  private volatile boolean open;
  private Consumer consumer;

  CrewMember(
      int number,
      Crew crew,
      KeelClient client,
      History history,
      Random random,
      ScheduledExecutorService later) {
    this.number = number;
    this.crew = crew;
    this.client = client;
    this.history = history;
    this.random = random;
    this.later = later;
  }

  /** Takes messages until {@link #close}, on this thread. */
  void run() {
    open();
    open = true;
    while (!closing) {
      history.add(now -> new Event.Polls(number, now));
      try {
        var messages = consumer.receive(MAX_RECEIVE, POLL);
        history.add(now -> new Event.Polled(number, now));
        for (ConsumedMessage message : messages) {
          take(message);
        }
      } catch (Unavailable e) {
        // It keeps trying; so do we.
        history.add(now -> new Event.Polled(number, now));
      } catch (ClientClosed e) {
        return;
      }
    }
  }

  boolean isOpen() {
    return open;
  }

  /** From now on everything is acknowledged at once. */
  void drain() {
    draining = true;
  }

  /** Gives back what it has not settled, in order. */
  @Override
  public void close() {
    closing = true;
    history.add(now -> new Event.Leaves(number, true, now));
    if (consumer != null) {
      consumer.close();
    }
  }

  private void open() {
    history.add(now -> new Event.Joins(number, crew.number(), crew.renews(), now));
    while (consumer == null) {
      try {
        consumer =
            client
                .consumer()
                .group(crew.group())
                .topic(crew.lane().topic())
                .maxInFlight(Crew.MAX_IN_FLIGHT)
                .invisibleDuration(crew.invisible())
                .renew(crew.renews())
                .open();
      } catch (Unavailable e) {
        // An election; its time is up when this process is killed.
        Thread.onSpinWait();
      }
    }
  }

  private void take(ConsumedMessage message) {
    // A body that is none of ours is told as one of producer -1, which never sent anything.
    Payload payload = Payload.decode(message.bodyBytes()).orElse(new Payload(-1, 0, 0));
    var delivery = Delivery.of(message, crew.lane());
    history.add(
        now ->
            new Event.Took(
                number,
                crew.number(),
                delivery.queue(),
                message.offset(),
                delivery.lease(),
                message.attempt(),
                message.deadline().toEpochMilli(),
                payload.producer(),
                payload.key(),
                payload.seq(),
                now));
    if (payload.seq() % POISON_EVERY == POISON_EVERY - 1) {
      nack(delivery, 50);
    } else if (draining) {
      ack(delivery);
    } else {
      work(delivery, random.nextInt(1_000));
    }
  }

  private void work(Delivery delivery, int chance) {
    long invisible = crew.invisible().toMillis();
    if (chance < 880) {
      ack(delivery);
    } else if (chance < 930) {
      nack(delivery, random.nextInt(4) == 0 ? 0 : random.nextInt(1_500));
    } else if (chance < 940) {
      settle(delivery, Settling.DEAD_LETTER, 0, delivery.message()::deadLetter);
    } else if (crew.renews()) {
      // Longer than the lease would last if it were not renewed, sometimes.
      after(random.nextInt((int) invisible * 3 / 2), () -> ack(delivery));
    } else if (chance < 960) {
      // Never settled.
      Thread.onSpinWait();
    } else if (chance < 980) {
      after(invisible + random.nextInt(800), () -> ack(delivery));
    } else {
      long millis = invisible + 1_000 + random.nextInt(1_000);
      settle(
          delivery,
          Settling.EXTEND,
          millis,
          () -> delivery.message().extend(Duration.ofMillis(millis)).thenAccept(deadline -> {}));
      after(millis - 500 - random.nextInt(1_000), () -> ack(delivery));
    }
  }

  private void ack(Delivery delivery) {
    settle(delivery, Settling.ACK, 0, delivery.message()::ack);
  }

  private void nack(Delivery delivery, long millis) {
    settle(
        delivery, Settling.NACK, millis, () -> delivery.message().nack(Duration.ofMillis(millis)));
  }

  private void settle(
      Delivery delivery, Settling how, long millis, Supplier<CompletableFuture<Void>> decision) {
    long offset = delivery.message().offset();
    history.add(
        now ->
            new Event.Settles(
                number,
                crew.number(),
                delivery.queue(),
                offset,
                delivery.lease(),
                how,
                millis,
                now));
    decision
        .get()
        .whenComplete(
            (nothing, failure) ->
                history.add(
                    now ->
                        new Event.Settled(
                            number,
                            crew.number(),
                            delivery.queue(),
                            offset,
                            delivery.lease(),
                            how,
                            outcome(failure),
                            now)));
  }

  /** Only what promises that nothing was decided is a failure; whatever else may be is unknown. */
  private static Outcome outcome(Throwable failure) {
    if (failure == null) {
      return Outcome.OK;
    }
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof LeaseLost || cause instanceof RequestRejected
        ? Outcome.FAIL
        : Outcome.UNKNOWN;
  }

  private void after(long millis, Runnable work) {
    later.schedule(work, millis, TimeUnit.MILLISECONDS);
  }

  /** A message and what the run calls its place and its lease. */
  private record Delivery(ConsumedMessage message, int queue, LeaseName lease) {

    static Delivery of(ConsumedMessage message, Lane lane) {
      String[] name = message.leaseName().split("/", -1);
      return new Delivery(
          message,
          lane.queue(message.queue()),
          new LeaseName(
              Integer.parseInt(name[0]), Long.parseLong(name[1]), Integer.parseInt(name[2])));
    }
  }
}
