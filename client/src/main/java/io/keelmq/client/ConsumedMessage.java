package io.keelmq.client;

import com.google.protobuf.ByteString;
import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A message that is leased to a {@link Consumer}: hidden from the others of its group until it is
 * settled, or its lease ends. Thread-safe.
 *
 * <p>The first of {@link #ack}, {@link #nack} and {@link #deadLetter} counts; the same again gives
 * the first one's future, another ends in {@link IllegalStateException}. Their futures complete on
 * the client's own thread, when the broker has stored the decision (what hangs on them must not
 * block), or with
 *
 * <ul>
 *   <li>{@link LeaseLost}: nothing was decided, the message comes again;
 *   <li>{@link OutcomeUnknown}: a stream broke behind the decision, and by now the lease is gone:
 *       by the decision or before it;
 *   <li>{@link RequestRejected}: the topic or the consumer group is gone;
 *   <li>{@link ClientClosed}: the consumer was closed before it could be sent.
 * </ul>
 *
 * A decision waits while no replica can be reached, for as long as the consumer is open.
 */
public final class ConsumedMessage extends ReadMessage {

  private final ConsumeSession session;
  private final String leaseName;
  private final int attempt;
  private final long arrivedNanos;
  private final AtomicReference<Settling> decision = new AtomicReference<>();

  /** Changed by the loop only, when a lease is divided. */
  private volatile HeldLease lease;

  private volatile long deadlineMillis;

  /** Set once by the loop: it is not ours any more. */
  private volatile LeaseLost gone;

  /** Of the loop: an extension under way, and the decision that waits for it. */
  Settling extending;

  Settling afterExtension;

  /** Of the loop: undecided when its lease ended by time, and counted against no limit since. */
  boolean lapsed;

  private volatile OptionalLong extendedToNanos = OptionalLong.empty();

  ConsumedMessage(
      ConsumeSession session,
      HeldLease lease,
      int attempt,
      long deadlineMillis,
      long arrivedNanos,
      String topic,
      int queue,
      long offset,
      long storeTimeMillis,
      ByteString record) {
    super(topic, queue, offset, storeTimeMillis, record);
    this.session = session;
    this.lease = lease;
    this.leaseName =
        lease.ref().getGeneration()
            + "/"
            + lease.ref().getLogIndex()
            + "/"
            + lease.ref().getOrdinal();
    this.attempt = attempt;
    this.deadlineMillis = deadlineMillis;
    this.arrivedNanos = arrivedNanos;
  }

  /**
   * What the lease was called when the message came, for logs: the queue's generation, the log
   * index and the ordinal of its grant, separated by '/'. Later leases of a message have a higher
   * index.
   */
  public String leaseName() {
    return leaseName;
  }

  /** Which delivery of the message this is, from 1. */
  public int attempt() {
    return attempt;
  }

  /**
   * Log time at which the lease ends, as last heard; with renewal (the default) it is moved on
   * without being told while the consumer's stream lives.
   */
  public Instant deadline() {
    return Instant.ofEpochMilli(deadlineMillis);
  }

  /** The message is done: never delivered again to this consumer group. */
  public CompletableFuture<Void> ack() {
    return decide(SettlementKind.ACK, 0).decided();
  }

  /**
   * Not now: delivered again when the time is over, to whichever consumer, or dead if this was its
   * last attempt. In a FIFO group it takes the later messages of its message group in the same
   * lease along: they come again behind it, and their own settlements end in {@link LeaseLost}.
   *
   * @param delay 0 to 12 hours
   */
  public CompletableFuture<Void> nack(Duration delay) {
    Consumer.Builder.checkDelay(delay);
    return decide(SettlementKind.NACK, delay.toMillis()).decided();
  }

  /** Sends it to the dead letter topic {@code %DLQ%<group>} at once. */
  public CompletableFuture<Void> deadLetter() {
    return decide(SettlementKind.DEAD_LETTER, 0).decided();
  }

  /**
   * Lets the lease end so long from now instead, sooner too if it is not renewed. One at a time:
   * while one is under way, another ends in {@link Overloaded}.
   *
   * @param time 1 s to 12 h
   * @return the new {@link #deadline}
   */
  public CompletableFuture<Instant> extend(Duration time) {
    Consumer.Builder.checkInvisible("extend", time);
    if (decision.get() != null) {
      return CompletableFuture.failedFuture(
          new IllegalStateException(this + " is settled: there is nothing to extend"));
    }
    var settling = new Settling(this, SettlementKind.EXTEND, time.toMillis());
    session.settle(settling);
    return settling.extended();
  }

  /** Whether this decision is the first one, and which was. */
  Settling decide(SettlementKind kind, long millis) {
    var mine = new Settling(this, kind, millis);
    if (decision.compareAndSet(null, mine)) {
      if (kind == SettlementKind.NACK || kind == SettlementKind.RELEASE) {
        // At once: whoever looks at a later message of the lease may be quicker than the loop.
        lease.giveBack(offset());
      }
      session.settle(mine);
      return mine;
    }
    Settling first = decision.get();
    if (first.kind() == kind) {
      return first;
    }
    mine.fail(
        new IllegalStateException(
            "%s: %s comes after %s, which counts".formatted(this, kind, first.kind())));
    return mine;
  }

  /** False too for bytes that are no message: they are in nobody's order. */
  boolean isOfMessageGroup() {
    return !messageGroupOrEmpty().isEmpty();
  }

  String messageGroupOrEmpty() {
    try {
      return messageGroup();
    } catch (IllegalStateException e) {
      return "";
    }
  }

  /** In a FIFO group: comes again behind an earlier one of its message group, and is not ours. */
  boolean isBehindGivenBack() {
    return lease.isBehindGivenBack(offset()) && isOfMessageGroup();
  }

  /** True when the application has given it back to its group. */
  boolean isGivenBack() {
    Settling first = decision.get();
    return first != null
        && (first.kind() == SettlementKind.NACK || first.kind() == SettlementKind.RELEASE);
  }

  long arrivedNanos() {
    return arrivedNanos;
  }

  /** Of the client's clock; empty: it was not extended. */
  OptionalLong extendedToNanos() {
    return extendedToNanos;
  }

  HeldLease lease() {
    return lease;
  }

  void moveTo(HeldLease divided) {
    lease = divided;
  }

  void extended(long newDeadlineMillis, long toNanos) {
    deadlineMillis = newDeadlineMillis;
    extendedToNanos = OptionalLong.of(toNanos);
  }

  Optional<LeaseLost> gone() {
    return Optional.ofNullable(gone);
  }

  void gone(LeaseLost why) {
    gone = why;
  }
}
