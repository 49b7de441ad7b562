package io.keelmq.broker.api;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One client of a consumer group at a topic, over its streams: the leases it has, as far as its
 * planner knows. Owned by the planner's pass.
 */
final class ConsumingClient {

  /** After the end of a lease that is not renewed; log time may run slower by a tenth. */
  private static final long EXPIRED_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** A lease, and when it has to be looked at. */
  private static final class Held {
    private int messages;
    private long lookNanos;
    // Extended by the client itself: looked at no earlier.
    private long notBeforeNanos;
  }

  private final String clientId;
  private Optional<Attachment> attachment = Optional.empty();

  /** In the order of being looked at, which is that of their being put. */
  private final Map<LeaseKey, Held> leases = new LinkedHashMap<>();

  // Of the stream it has or had last.
  private long invisibleMillis = ConsumeChecks.DEFAULT_INVISIBLE_MILLIS;
  private boolean renews;

  /** When the planner looks at its leases; only while it is queued for that. */
  long lookNanos;

  boolean queuedForLook;

  /** When its leases end because no stream has followed; only while it is queued for that. */
  long cutNanos;

  ConsumingClient(String clientId) {
    this.clientId = clientId;
  }

  String clientId() {
    return clientId;
  }

  Optional<Attachment> attachment() {
    return attachment;
  }

  void attach(Attachment to) {
    attachment = Optional.of(to);
    invisibleMillis = to.invisibleMillis();
    renews = to.renews();
  }

  void detach() {
    attachment = Optional.empty();
  }

  boolean isAttached(Attachment to) {
    return attachment.filter(to::equals).isPresent();
  }

  boolean hasLeases() {
    return !leases.isEmpty();
  }

  boolean has(LeaseKey lease) {
    return leases.containsKey(lease);
  }

  Iterable<LeaseKey> leases() {
    return leases.keySet();
  }

  void put(LeaseKey lease, int messages, long nowNanos) {
    leases.remove(lease);
    var held = new Held();
    held.messages = messages;
    held.lookNanos = nowNanos + lookAfterNanos();
    leases.put(lease, held);
  }

  /** At half of its time if it is renewed, else when it is over. */
  private long lookAfterNanos() {
    return renews
        ? TimeUnit.MILLISECONDS.toNanos(invisibleMillis) / 2
        : TimeUnit.MILLISECONDS.toNanos(invisibleMillis) + EXPIRED_NANOS;
  }

  void remove(LeaseKey lease) {
    leases.remove(lease);
  }

  void clear() {
    leases.clear();
  }

  /**
   * @param counts whether the messages that were decided are among those that were counted
   */
  void changed(ConsumerChanges.LeaseChange change, boolean counts, long nowNanos) {
    Held held = leases.get(change.lease());
    if (held == null) {
      return;
    }
    if (change.over()) {
      leases.remove(change.lease());
      return;
    }
    held.messages -= counts ? change.decided() : 0;
    long extendedNanos =
        nowNanos + TimeUnit.MILLISECONDS.toNanos(change.extendedMillis()) - lookEarlierNanos();
    for (LeaseKey part : change.divided()) {
      put(part, change.decided(), nowNanos);
      leases.get(part).notBeforeNanos = extendedNanos;
    }
    if (held.messages <= 0) {
      leases.remove(change.lease());
    } else if (change.extendedMillis() > 0 && change.divided().isEmpty()) {
      held.notBeforeNanos = extendedNanos;
    }
  }

  private long lookEarlierNanos() {
    return renews ? TimeUnit.MILLISECONDS.toNanos(invisibleMillis) / 2 : -EXPIRED_NANOS;
  }

  /** When the first lease has to be looked at. */
  long nextLookNanos() {
    return leases.values().iterator().next().lookNanos;
  }

  /**
   * Looks at the leases whose time it is, while a stream is attached: those that are renewed are
   * told and looked at again later, others are forgotten, because they have ended.
   */
  void look(long nowNanos, Consumer<LeaseKey> renew) {
    var later = new LinkedHashMap<LeaseKey, Held>();
    Iterator<Map.Entry<LeaseKey, Held>> first = leases.entrySet().iterator();
    while (first.hasNext()) {
      Map.Entry<LeaseKey, Held> entry = first.next();
      Held held = entry.getValue();
      if (held.lookNanos - nowNanos > 0) {
        break;
      }
      first.remove();
      if (held.notBeforeNanos != 0 && held.notBeforeNanos - nowNanos > 0) {
        held.lookNanos = nowNanos + lookAfterNanos();
        later.put(entry.getKey(), held);
      } else if (renews) {
        held.lookNanos = nowNanos + lookAfterNanos();
        held.notBeforeNanos = 0;
        later.put(entry.getKey(), held);
        renew.accept(entry.getKey());
      }
    }
    leases.putAll(later);
  }

  /** Every lease has to be looked at now: nobody did while there was no leader. */
  void lookAtAll(long nowNanos) {
    leases.values().forEach(held -> held.lookNanos = nowNanos);
  }
}
