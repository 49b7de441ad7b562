package io.keelmq.client;

import io.keelmq.v1.LeaseRef;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A lease of this consumer: its messages that the application has not decided about, and how many
 * decisions the broker has not answered. It is held, and named to a new stream, until neither is
 * left, and after its end by time for as long as a broker may not know of that end. Owned by the
 * loop, but for what was given back, which threads of the application tell each other.
 */
final class HeldLease {

  private static final long REMEMBERED_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final LeaseRef ref;
  private final TreeMap<Long, ConsumedMessage> undecided = new TreeMap<>();

  /** Offsets that were delivered under it, rising. */
  private long[] delivered = new long[0];

  private int unanswered;
  private OptionalLong rememberedUntil = OptionalLong.empty();

  /** The lowest offset that the application has given back. */
  private final AtomicLong givenBack = new AtomicLong(Long.MAX_VALUE);

  HeldLease(LeaseRef ref) {
    this.ref = ref;
  }

  LeaseRef ref() {
    return ref;
  }

  /** From the thread that decides, before the loop hears of it. */
  void giveBack(long offset) {
    givenBack.accumulateAndGet(offset, Math::min);
  }

  /**
   * Whether an earlier message was given back, behind which this one comes again in FIFO groups.
   */
  boolean isBehindGivenBack(long offset) {
    return givenBack.get() < offset;
  }

  boolean wasDelivered(long offset) {
    return Arrays.binarySearch(delivered, offset) >= 0;
  }

  /**
   * @param messages in the order of their offsets, none delivered before
   */
  void add(List<ConsumedMessage> messages) {
    int known = delivered.length;
    delivered = Arrays.copyOf(delivered, known + messages.size());
    for (ConsumedMessage message : messages) {
      delivered[known++] = message.offset();
      undecided.put(message.offset(), message);
    }
    if (known > messages.size()) {
      Arrays.sort(delivered);
    }
  }

  boolean isUndecided(ConsumedMessage message) {
    return undecided.get(message.offset()) == message;
  }

  void decided(ConsumedMessage message) {
    undecided.remove(message.offset());
  }

  /** Messages from this offset on, this one not included, which it then has no more. */
  List<ConsumedMessage> takeAbove(long offset) {
    return takeAll(undecided.tailMap(offset, false));
  }

  List<ConsumedMessage> takeAll() {
    return takeAll(undecided);
  }

  /**
   * Messages whose lease has ended by time, which it then has no more. It is remembered that they
   * were delivered: to the next leader the lease may go on for as long as an election took.
   */
  List<ConsumedMessage> takeLapsed(LeaseClock clock) {
    var lapsed = new ArrayList<ConsumedMessage>();
    for (ConsumedMessage message : undecided.values()) {
      if (message.extending == null && clock.isOver(message)) {
        lapsed.add(message);
      }
    }
    lapsed.forEach(this::decided);
    if (!lapsed.isEmpty()) {
      rememberedUntil = OptionalLong.of(clock.nanoTime() + REMEMBERED_NANOS);
    }
    return lapsed;
  }

  /** The broker knows that it has ended. */
  void forget() {
    rememberedUntil = OptionalLong.empty();
  }

  void asked() {
    unanswered++;
  }

  void answered() {
    unanswered--;
  }

  /** True when the application has decided about all of it. */
  boolean isDecided() {
    return undecided.isEmpty();
  }

  boolean isOver(LeaseClock clock) {
    return undecided.isEmpty()
        && unanswered == 0
        && (rememberedUntil.isEmpty() || clock.nanoTime() - rememberedUntil.getAsLong() >= 0);
  }

  private static List<ConsumedMessage> takeAll(NavigableMap<Long, ConsumedMessage> messages) {
    var taken = new ArrayList<>(messages.values());
    messages.clear();
    return taken;
  }
}
