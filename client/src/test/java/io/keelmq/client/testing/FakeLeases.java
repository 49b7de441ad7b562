package io.keelmq.client.testing;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.Message;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The leases of one consumer group at one topic, over a {@link FakeLog}, as the replicated state
 * would keep them; but a nack delays nothing: its delay is written down. Thread-safe by its
 * monitor.
 */
public final class FakeLeases {

  private record Place(int queue, long offset) {}

  private record Decided(LeaseRef lease, long offset) {}

  private static final class Lease {
    final String client;
    final int queue;
    final NavigableSet<Long> live;
    final int attempt;

    Lease(String client, int queue, NavigableSet<Long> live, int attempt) {
      this.client = client;
      this.queue = queue;
      this.live = live;
      this.attempt = attempt;
    }
  }

  private final FakeLog log;
  private final String topic;
  private final Map<LeaseRef, Lease> leases = new LinkedHashMap<>();
  private final Map<Integer, Long> cursors = new HashMap<>();

  /** Waiting to be delivered again: attempts so far. */
  private final TreeMap<Integer, TreeMap<Long, Integer>> ready = new TreeMap<>();

  private final Set<Place> acknowledged = new HashSet<>();
  private final Set<Decided> decided = new HashSet<>();
  private final List<String> deadLetters = new ArrayList<>();
  private final List<Long> nackMillis = new ArrayList<>();
  private int nextOrdinal;

  /** Messages of one message group go one lease after the other. */
  public volatile boolean fifo;

  FakeLeases(FakeLog log, String topic) {
    this.log = log;
    this.topic = topic;
  }

  public synchronized int acknowledged() {
    return acknowledged.size();
  }

  /** Its client has decided about these, whatever becomes of the request. */
  synchronized void noteDecided(Settle settle) {
    for (Settlement each : settle.getSettlementsList()) {
      if (each.getKind() != SettlementKind.EXTEND) {
        each.getOffsetsList()
            .forEach(
                range -> {
                  for (int i = 0; i < range.getCount(); i++) {
                    decided.add(new Decided(each.getLease(), range.getFirst() + i));
                  }
                });
      }
    }
  }

  /** Messages that are leased to the client and that it has not decided about. */
  synchronized int undecided(String client) {
    int count = 0;
    for (var each : leases.entrySet()) {
      if (each.getValue().client.equals(client)) {
        for (long offset : each.getValue().live) {
          count += decided.contains(new Decided(each.getKey(), offset)) ? 0 : 1;
        }
      }
    }
    return count;
  }

  /** Messages that are leased to the client. */
  public synchronized int leased(String client) {
    return leases.values().stream()
        .filter(lease -> lease.client.equals(client))
        .mapToInt(lease -> lease.live.size())
        .sum();
  }

  public synchronized List<String> deadLetters() {
    return List.copyOf(deadLetters);
  }

  public synchronized List<Long> nackMillis() {
    return List.copyOf(nackMillis);
  }

  /** Ends all leases, as if their deadlines had passed. */
  public synchronized void expireAll() {
    leases.values().forEach(lease -> lease.live.forEach(offset -> again(lease, offset, 0)));
    leases.clear();
  }

  /** What a client that does not come back had. */
  synchronized void giveBack(String client) {
    leases
        .values()
        .removeIf(
            lease -> {
              boolean its = lease.client.equals(client);
              if (its) {
                lease.live.forEach(offset -> again(lease, offset, 1));
              }
              return its;
            });
  }

  synchronized boolean exists(LeaseRef ref) {
    return leases.containsKey(ref);
  }

  /** What is leased to the client under other names than these. */
  synchronized List<Delivery> heldBesides(String client, Collection<LeaseRef> held) {
    var all = new ArrayList<Delivery>();
    leases.forEach(
        (ref, lease) -> {
          if (lease.client.equals(client) && !held.contains(ref)) {
            all.add(delivery(ref, lease));
          }
        });
    return all;
  }

  /** Leases what is next. */
  synchronized Optional<Delivery> grant(String client, int most) {
    for (int queue = 0; queue < log.queues(topic); queue++) {
      TreeMap<Long, Integer> waiting = ready.computeIfAbsent(queue, unused -> new TreeMap<>());
      for (long offset : List.copyOf(waiting.keySet())) {
        if (isFree(queue, offset)) {
          int attempts = waiting.get(offset);
          var offsets = new TreeSet<Long>();
          for (var each : List.copyOf(waiting.tailMap(offset).entrySet())) {
            boolean together =
                each.getValue() == attempts
                    && offsets.size() < most
                    && (!fifo || groupOf(queue, each.getKey()).equals(groupOf(queue, offset)));
            if (!together) {
              break;
            }
            offsets.add(each.getKey());
            waiting.remove(each.getKey());
          }
          return Optional.of(lease(client, queue, offsets, attempts + 1));
        }
      }
      long next = cursors.getOrDefault(queue, 0L);
      var offsets = new TreeSet<Long>();
      while (next < log.end(topic, queue) && offsets.size() < most) {
        if (!isFree(queue, next)) {
          waiting.put(next, 0);
        } else if (!fifo
            || offsets.isEmpty()
            || groupOf(queue, next).equals(groupOf(queue, offsets.first()))) {
          offsets.add(next);
        } else {
          break;
        }
        next++;
      }
      cursors.put(queue, next);
      if (!offsets.isEmpty()) {
        return Optional.of(lease(client, queue, offsets, 1));
      }
    }
    return Optional.empty();
  }

  synchronized SettleReceipt.Result settle(Settlement settlement) {
    Lease lease = leases.get(settlement.getLease());
    var named = new TreeSet<Long>();
    for (OffsetRange range : settlement.getOffsetsList()) {
      for (int i = 0; i < range.getCount(); i++) {
        named.add(range.getFirst() + i);
      }
    }
    if (lease != null && settlement.getOffsetsCount() == 0) {
      named.addAll(lease.live);
    }
    if (lease != null) {
      named.retainAll(lease.live);
    }
    if (lease == null || named.isEmpty()) {
      return SettleReceipt.Result.newBuilder().setCode(Code.LEASE_NOT_FOUND).build();
    }
    var result = SettleReceipt.Result.newBuilder().setCode(Code.OK).setMessages(named.size());
    switch (settlement.getKind()) {
      case ACK -> named.forEach(offset -> acknowledged.add(new Place(lease.queue, offset)));
      case NACK, RELEASE -> {
        boolean release = settlement.getKind() == SettlementKind.RELEASE;
        if (!release) {
          named.forEach(offset -> nackMillis.add(settlement.getMillis()));
        }
        named.forEach(offset -> again(lease, offset, release ? 1 : 0));
        if (fifo && !groupOf(lease.queue, named.first()).isEmpty()) {
          // What is behind it was not worked on, and comes after it.
          var behind = new TreeSet<>(lease.live.tailSet(named.first(), false));
          behind.removeAll(named);
          behind.forEach(offset -> again(lease, offset, 1));
          lease.live.removeAll(behind);
        }
      }
      case DEAD_LETTER ->
          named.forEach(
              offset -> deadLetters.add(FakeLog.body(log.record(topic, lease.queue, offset))));
      case EXTEND -> {
        result.setDeadlineMillis(1_000_000 + settlement.getMillis());
        if (named.equals(lease.live)) {
          return result.build();
        }
        LeaseRef divided = newRef(lease.queue);
        leases.put(
            divided, new Lease(lease.client, lease.queue, new TreeSet<>(named), lease.attempt));
        result.setLease(divided);
      }
      default -> throw new AssertionError("settlement " + settlement);
    }
    lease.live.removeAll(named);
    if (lease.live.isEmpty()) {
      leases.remove(settlement.getLease());
    }
    return result.build();
  }

  private void again(Lease lease, long offset, int uncounted) {
    ready
        .computeIfAbsent(lease.queue, unused -> new TreeMap<>())
        .put(offset, lease.attempt - uncounted);
  }

  private Delivery lease(String client, int queue, NavigableSet<Long> offsets, int attempt) {
    LeaseRef ref = newRef(queue);
    var lease = new Lease(client, queue, offsets, attempt);
    leases.put(ref, lease);
    return delivery(ref, lease);
  }

  private LeaseRef newRef(int queue) {
    return LeaseRef.newBuilder()
        .setQueue(queue)
        .setGeneration(1)
        .setLogIndex(100)
        .setOrdinal(++nextOrdinal)
        .build();
  }

  private Delivery delivery(LeaseRef ref, Lease lease) {
    var delivery =
        Delivery.newBuilder().setLease(ref).setAttempt(lease.attempt).setDeadlineMillis(2_000_000);
    var bytes = ByteString.newOutput();
    try {
      CodedOutputStream out = CodedOutputStream.newInstance(bytes);
      for (long offset : lease.live) {
        delivery.addOffsets(OffsetRange.newBuilder().setFirst(offset).setCount(1));
        delivery.addStoreTimesMillis(1_000 + offset);
        out.writeBytesNoTag(log.record(topic, lease.queue, offset));
      }
      out.flush();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return delivery.setRecords(bytes.toByteString()).build();
  }

  private boolean isFree(int queue, long offset) {
    String group = groupOf(queue, offset);
    if (!fifo || group.isEmpty()) {
      return true;
    }
    return leases.values().stream()
        .noneMatch(
            lease -> lease.queue == queue && groupOf(queue, lease.live.first()).equals(group));
  }

  private String groupOf(int queue, long offset) {
    try {
      return Message.parseFrom(log.record(topic, queue, offset)).getMessageGroup();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
