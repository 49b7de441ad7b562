package io.keelmq.client;

import io.grpc.Status;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.OpenConsumer;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way of a consumer to its leader: one stream at a time, and another when it breaks, falls
 * silent, contradicts the protocol, or the leader changes. Owned by the loop, but for {@link
 * #complaint} and {@link #lastWord}.
 */
final class ConsumeLink implements ConsumeStream.Events {

  private static final Logger LOG = LoggerFactory.getLogger(ConsumeLink.class);

  /** A replica that has not opened a stream by then is left. */
  static final long OPEN_MILLIS = 5_000;

  /** After as long without a stream the application is told; trying goes on. */
  static final long COMPLAIN_MILLIS = 30_000;

  /** Without an answer that is owed for as long, a stream is left if another replica leads. */
  static final long SUSPECT_MILLIS = 3_000;

  /** Without an answer that is owed for as long, a stream is left. */
  static final long SILENT_MILLIS = 5_000;

  static final long TICK_MILLIS = 250;

  /**
   * A broker that breaks the protocol is a defect: no reason to ask it a hundred times a second.
   */
  static final long BREACH_MILLIS = 1_000;

  /** Whom the link serves; called on the loop. */
  interface Events {
    /** What a stream is opened with. */
    OpenConsumer open();

    /** False: there is nothing that another stream would be opened for. */
    boolean wantsStream();

    void response(ConsumeResponse response);

    /** True while the broker owes an answer. */
    boolean awaitsAnswer();

    /** The stream is gone, and what has no answer is in doubt. */
    void left();

    /** The end: no stream is wanted, or the broker has ended it as asked. */
    void ended();

    /** The end: no replica will take the consumer as it is. */
    void refused(RequestRejected why);
  }

  private final ClientCore core;
  private final String group;
  private final String name;
  private final Events events;
  private final RetryPolicy backoff = RetryPolicy.forReplicas();
  private final Runnable routeListener = this::routesChanged;
  private ConsumeStream stream;
  private boolean opened;
  private boolean reconnecting;
  private boolean endAsked;
  private boolean done;
  private long progressNanos;
  private volatile boolean connected;
  private volatile long disconnectedNanos;
  private volatile String lastWord = "";

  /**
   * @param group of brokers
   * @param name for the log
   */
  ConsumeLink(ClientCore core, String group, String name, Events events) {
    this.core = core;
    this.group = group;
    this.name = name;
    this.events = events;
  }

  void start() {
    disconnectedNanos = core.loop().nanoTime();
    core.routes().onChange(routeListener);
    connect();
  }

  /** What was last wrong; empty: nothing was. */
  String lastWord() {
    return lastWord;
  }

  /** Present when no replica has served the consumer for long. */
  Optional<Unavailable> complaint() {
    boolean complains =
        !connected
            && core.loop().nanoTime() - disconnectedNanos
                > TimeUnit.MILLISECONDS.toNanos(COMPLAIN_MILLIS);
    return complains
        ? Optional.of(
            new Unavailable(
                Code.NO_LEADER,
                "no replica has served the consumer for 30 s, it keeps trying; last: " + lastWord))
        : Optional.empty();
  }

  /** Opens a stream unless there is one, or it is too early. */
  void connect() {
    if (done || stream != null || reconnecting) {
      return;
    }
    if (!events.wantsStream()) {
      events.ended();
      return;
    }
    Optional<LeaderRouting.Target> target = core.routing().pick(group, false);
    if (target.isEmpty()) {
      lastWord = core.routes().problem();
      reconnect(Math.max(10, backoff.nextDelayMillis()));
      return;
    }
    try {
      stream = new ConsumeStream(core.loop(), core.channels(), target.get(), this);
    } catch (ClientClosed e) {
      // The client closes this consumer in a moment.
      return;
    }
    ConsumeStream opening = stream;
    stream.start(events.open());
    stream.askForMore();
    core.loop()
        .schedule(
            () -> {
              if (stream == opening && !opened) {
                broken("did not open within 5 s");
              }
            },
            OPEN_MILLIS);
  }

  /** The broker has taken the consumer. */
  void opened() {
    opened = true;
    connected = true;
    core.routing().worked(stream.target());
    watch(stream);
  }

  boolean isOpen() {
    return opened;
  }

  /** Of an open link. */
  ConsumeStream stream() {
    return stream;
  }

  /** A question begins that has to be answered in time. */
  void asked() {
    progressNanos = core.loop().nanoTime();
  }

  /** Things work: the next failure is the first one. */
  void worked() {
    backoff.reset();
  }

  /** The broker is asked to end the stream. */
  void askForEnd() {
    if (!endAsked) {
      endAsked = true;
      stream.closeConsumer();
    }
  }

  /** Nothing more can be written to the stream. */
  boolean endIsAsked() {
    return endAsked;
  }

  /** The broker said what it may not say. */
  void breach(String what) {
    LOG.warn("consumer {}: {} breaks the protocol: {}", name, stream.target().node(), what);
    broken(what, BREACH_MILLIS);
  }

  void broken(String reason) {
    broken(reason, backoff.nextDelayMillis());
  }

  void close(String reason) {
    done = true;
    core.routes().removeListener(routeListener);
    leave(reason);
  }

  @Override
  public void response(ConsumeStream from, ConsumeResponse response) {
    progressNanos = core.loop().nanoTime();
    if (opened == response.hasOpened()) {
      breach(
          opened
              ? "opened the stream twice"
              : "sent " + response.getEventCase() + " before it opened the stream");
      return;
    }
    events.response(response);
  }

  @Override
  public void ended(ConsumeStream from, Status status, Throwable failure) {
    if (status.isOk()) {
      if (endAsked) {
        stream = null;
        events.ended();
      } else {
        broken("ended the stream");
      }
      return;
    }
    ErrorDetail detail = Failures.detail(failure);
    if (Failures.isDefinite(detail.getCode()) && detail.getCode() != Code.NOT_INITIALIZED) {
      events.refused(new RequestRejected(detail.getCode(), detail.getMessage()));
      return;
    }
    core.routing().hint(from.target(), detail.getLeaderNode());
    broken(detail.getMessage());
  }

  private void watch(ConsumeStream of) {
    if (done || stream != of) {
      return;
    }
    if (events.awaitsAnswer() && of.isReading()) {
      long silentMillis = TimeUnit.NANOSECONDS.toMillis(core.loop().nanoTime() - progressNanos);
      boolean suspect =
          silentMillis >= SUSPECT_MILLIS && core.routing().leadsElsewhere(of.target());
      if (suspect || silentMillis >= SILENT_MILLIS) {
        broken("gave no answer for " + silentMillis + " ms");
        return;
      }
    }
    core.loop().schedule(() -> watch(of), TICK_MILLIS);
  }

  private void broken(String reason, long delayMillis) {
    LeaderRouting.Target target = stream.target();
    lastWord = target.node() + " at " + target.address() + ": " + reason;
    core.routing().failed(target);
    leave("broken");
    reconnect(delayMillis);
  }

  private void reconnect(long delayMillis) {
    if (done || reconnecting) {
      return;
    }
    reconnecting = true;
    core.loop()
        .schedule(
            () -> {
              reconnecting = false;
              connect();
            },
            Math.max(1, delayMillis));
  }

  private void routesChanged() {
    if (!done && opened && core.routing().leaderMoved(stream.target())) {
      // The old leader may be frozen, or cut off without knowing; the new one answers at once.
      leave("another replica leads");
      connect();
    }
  }

  private void leave(String reason) {
    if (connected) {
      connected = false;
      disconnectedNanos = core.loop().nanoTime();
    }
    if (stream != null) {
      stream.cancel(reason);
      stream = null;
    }
    opened = false;
    endAsked = false;
    events.left();
  }
}
