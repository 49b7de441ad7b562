package io.keelmq.broker.rocketmq;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.LeaseKey;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * The leases that polls of one consumer group at one topic were given, at the leader and for one
 * leadership: which poll's they are, so that a repeat of it gets them again, and which of them the
 * server keeps up for as long as their clients live.
 *
 * <p>A lease is kept up once it is known that its client has it. It has what this leader answered
 * it and what an earlier one has extended: an extended lease ends sooner than a fresh one, and by
 * that it is told. In doubt are the fresh ones of an earlier leader, whose answer may have been
 * lost with it, and those of polls that another replica passed on, until that tells that the answer
 * has reached the client. A repeat of the poll gets the lease again. Of which nothing is heard for
 * a while is shortened and disowned, so that no later leader takes it for one that was kept up, or
 * its messages would stay hidden for as long as the client lives. Thread-safe: guarded by its lock,
 * under which nobody is called.
 */
final class PolledLeases {

  /**
   * Of a lease that is kept up, from its beginning. Far beyond what is left of an extended one, so
   * that the two are told apart behind an outage too.
   */
  static final long FIRST_MILLIS = 120_000;

  /** From the beginning to the first extension. */
  static final long FIRST_LOOK_MILLIS = 10_000;

  /** Of an extension, from when it is decided. */
  static final long EXTENDED_MILLIS = 40_000;

  /** From one extension to the next. */
  static final long LOOK_EVERY_MILLIS = 15_000;

  /** Of a lease whose client may not know it, from when that is found. */
  static final long DOUBTFUL_MILLIS = 15_000;

  /** Of what an earlier leader leased, until it is heard of: polls are repeated at once. */
  static final long HEARD_OF_MILLIS = 5_000;

  /**
   * For so long one leader keeps a lease up, from when it heard of it; the same as RocketMQ's proxy
   * (renewMaxTimeMillis). The answer to a poll, or what the client said of its message, can be lost
   * without a word: without a bound the message would stay hidden for as long as its client lives.
   */
  static final long KEPT_AT_MOST_MILLIS = 10_800_000;

  /** What is left of a lease at most if it was extended. */
  private static final long EXTENDED_AT_MOST_MILLIS = 45_000;

  /** Leases that are remembered; those beyond it end by their deadlines. */
  static final int MAX_LEASES = 200_000;

  private static final int BATCHES_PER_LOOKUP = 256;

  private static final long MOST_NANOS = TimeUnit.MILLISECONDS.toNanos(KEPT_AT_MOST_MILLIS);

  // First letters of attempt ids as they stand in the state.
  private static final char KEPT = 'k';
  private static final char PLAIN = 'p';

  private static final class Held {
    private final String clientId;
    private final String attemptId;
    private final boolean kept;
    private final long sinceNanos;
    private boolean reached;
    private int messages;
    private long lookNanos;

    Held(
        String clientId,
        String attemptId,
        int messages,
        boolean kept,
        boolean reached,
        long sinceNanos,
        long lookMillis) {
      this.clientId = clientId;
      this.attemptId = attemptId;
      this.messages = messages;
      this.kept = kept;
      this.reached = reached;
      this.sinceNanos = sinceNanos;
      this.lookNanos = sinceNanos + TimeUnit.MILLISECONDS.toNanos(lookMillis);
    }
  }

  private record Attempt(String clientId, String attemptId) {}

  private final Edge edge;
  private final String group;
  private final Topic topic;
  private final long groupId;
  private final long term;
  private final Map<LeaseKey, Held> leases = new LinkedHashMap<>();
  private final Map<Attempt, List<LeaseKey>> attempts = new HashMap<>();
  private final ReentrantLock loading = new ReentrantLock();
  private volatile boolean loaded;

  PolledLeases(Edge edge, StateView.ConsumerGroup group, Topic topic, long term) {
    this.edge = edge;
    this.group = group.name();
    this.groupId = group.id();
    this.topic = topic;
    this.term = term;
  }

  long term() {
    return term;
  }

  /** An attempt's id as it stands in the state. */
  static String stored(String attemptId, boolean kept) {
    return (kept ? KEPT : PLAIN) + attemptId;
  }

  /** Looks once for what earlier leaders leased. Reads; call it where that is allowed. */
  void load() {
    loading.lock();
    loadOnce();
  }

  /**
   * The same.
   *
   * @return false if somebody else is at it, and what was leased is not known yet
   */
  boolean tryLoad() {
    if (loaded) {
      return true;
    }
    if (!loading.tryLock()) {
      return false;
    }
    loadOnce();
    return true;
  }

  private void loadOnce() {
    try {
      if (!loaded) {
        find();
        loaded = true;
      }
    } finally {
      loading.unlock();
    }
  }

  /** From now on followers can tell what has reached its client. */
  synchronized void doubtFromNow() {
    long look = edge.now() + TimeUnit.MILLISECONDS.toNanos(HEARD_OF_MILLIS);
    for (Held held : leases.values()) {
      if (!held.reached && held.lookNanos - look < 0) {
        held.lookNanos = look;
      }
    }
  }

  private void find() {
    StateView state = edge.replica().state();
    long logMillis = state.applied().timeMillis();
    for (int queue = 0; queue < topic.queues(); queue++) {
      Optional<StateView.Cursor> cursor = state.cursor(groupId, topic.id(), queue);
      if (cursor.isEmpty() || cursor.get().batches() == 0) {
        continue;
      }
      Optional<LeaseId> after = Optional.empty();
      List<StateView.Batch> page;
      do {
        page = state.leased(groupId, topic.id(), queue, after, BATCHES_PER_LOOKUP);
        for (StateView.Batch batch : page) {
          found(new LeaseKey(queue, cursor.get().generation(), batch.id()), batch, logMillis);
          after = Optional.of(batch.id());
        }
      } while (page.size() == BATCHES_PER_LOOKUP);
    }
  }

  private void found(LeaseKey lease, StateView.Batch batch, long logMillis) {
    if (batch.clientId().isEmpty() || batch.attemptId().isEmpty()) {
      return;
    }
    long leftMillis = batch.deadlineMillis() - logMillis;
    boolean kept = batch.attemptId().charAt(0) == KEPT;
    boolean wasExtended = leftMillis <= EXTENDED_AT_MOST_MILLIS;
    long lookMillis = wasExtended ? 0 : HEARD_OF_MILLIS;
    put(
        lease,
        new Held(
            batch.clientId(),
            batch.attemptId(),
            batch.offsets().size(),
            kept,
            wasExtended,
            edge.now(),
            kept ? lookMillis : Math.max(0, leftMillis)));
  }

  /**
   * A poll was given a lease.
   *
   * @param attemptId as it stands in the state
   * @param toBeTold whether {@link #reached} will tell that the client has it; else it has
   */
  void leased(
      String clientId,
      String attemptId,
      LeaseKey lease,
      int messages,
      long invisibleMillis,
      boolean toBeTold) {
    boolean kept = attemptId.charAt(0) == KEPT;
    put(
        lease,
        new Held(
            clientId,
            attemptId,
            messages,
            kept,
            !toBeTold,
            edge.now(),
            kept ? FIRST_LOOK_MILLIS : invisibleMillis));
  }

  /**
   * The client has a lease.
   *
   * @return whether that was in doubt
   */
  synchronized boolean reached(LeaseKey lease) {
    Held held = leases.get(lease);
    boolean doubted = held != null && !held.reached;
    if (doubted) {
      held.reached = true;
    }
    return doubted;
  }

  private synchronized void put(LeaseKey lease, Held held) {
    forget(lease);
    leases.put(lease, held);
    attempts
        .computeIfAbsent(new Attempt(held.clientId, held.attemptId), same -> new ArrayList<>())
        .add(lease);
    if (leases.size() > MAX_LEASES) {
      forget(leases.keySet().iterator().next());
    }
  }

  private void forget(LeaseKey lease) {
    Held held = leases.remove(lease);
    if (held != null) {
      attempts.computeIfPresent(
          new Attempt(held.clientId, held.attemptId),
          (same, all) -> {
            all.remove(lease);
            return all.isEmpty() ? null : all;
          });
    }
  }

  /** What an earlier copy of a poll was given. */
  synchronized List<LeaseKey> of(String clientId, String attemptId) {
    return List.copyOf(attempts.getOrDefault(new Attempt(clientId, attemptId), List.of()));
  }

  /** Messages of a lease were settled; with 0 all of it. */
  synchronized void settled(LeaseKey lease, int messages) {
    Held held = leases.get(lease);
    if (held != null) {
      held.reached = true;
      held.messages -= messages;
      if (messages == 0 || held.messages <= 0) {
        forget(lease);
      }
    }
  }

  /** Ends the leases that were kept up for a client. */
  void cut(String clientId) {
    settleAll(
        take(held -> held.kept && held.clientId.equals(clientId)), Command.SettlementKind.NACK, 0);
  }

  /**
   * Extends what is kept up, ends what was kept up for clients that are gone, and shortly what
   * their clients may not know of. What was kept up for too long is forgotten, and ends by its
   * deadline.
   */
  void tick(Predicate<String> isAlive) {
    var extend = new ArrayList<LeaseKey>();
    var end = new ArrayList<LeaseKey>();
    var disown = new ArrayList<LeaseKey>();
    long now = edge.now();
    synchronized (this) {
      var later = new ArrayList<LeaseKey>();
      for (Map.Entry<LeaseKey, Held> entry : leases.entrySet()) {
        Held held = entry.getValue();
        if (held.lookNanos - now > 0) {
          continue;
        }
        if (!held.kept || now - held.sinceNanos > MOST_NANOS) {
          later.add(entry.getKey());
        } else if (!isAlive.test(held.clientId)) {
          end.add(entry.getKey());
          later.add(entry.getKey());
        } else {
          held.lookNanos = now + TimeUnit.MILLISECONDS.toNanos(LOOK_EVERY_MILLIS);
          (held.reached ? extend : disown).add(entry.getKey());
        }
      }
      later.forEach(this::forget);
    }
    settleAll(extend, Command.SettlementKind.EXTEND, EXTENDED_MILLIS);
    settleAll(end, Command.SettlementKind.NACK, 0);
    settleAll(disown, Command.SettlementKind.DISOWN, DOUBTFUL_MILLIS);
  }

  /** Whether nobody can be given a lease of it any more: the group or the topic was deleted. */
  boolean isAbandoned() {
    synchronized (this) {
      if (!leases.isEmpty()) {
        return false;
      }
    }
    StateView state = edge.replica().state();
    return state.topic(topic.id()).isEmpty()
        || state.consumerGroup(group).filter(now -> now.id() == groupId).isEmpty();
  }

  private synchronized List<LeaseKey> take(Predicate<Held> which) {
    var taken = new ArrayList<LeaseKey>();
    for (Map.Entry<LeaseKey, Held> entry : leases.entrySet()) {
      if (which.test(entry.getValue())) {
        taken.add(entry.getKey());
      }
    }
    taken.forEach(this::forget);
    return taken;
  }

  private void settleAll(List<LeaseKey> which, Command.SettlementKind kind, long millis) {
    record Queue(int queue, int generation) {}
    var byQueue = new LinkedHashMap<Queue, List<LeaseKey>>();
    for (LeaseKey lease : which) {
      byQueue
          .computeIfAbsent(new Queue(lease.queue(), lease.generation()), same -> new ArrayList<>())
          .add(lease);
    }
    byQueue.forEach(
        (queue, all) -> {
          for (int from = 0; from < all.size(); from += Limits.MAX_SETTLEMENTS) {
            settle(
                all.subList(from, Math.min(all.size(), from + Limits.MAX_SETTLEMENTS)),
                kind,
                millis);
          }
        });
  }

  private void settle(List<LeaseKey> which, Command.SettlementKind kind, long millis) {
    var settlements = new ArrayList<Command.Settlement>(which.size());
    for (LeaseKey lease : which) {
      settlements.add(new Command.Settlement(kind, lease.id(), OffsetSet.EMPTY, millis));
    }
    edge.replica()
        .propose(
            new Proposal(
                Optional.empty(),
                new Command.SettleLeases(
                    group,
                    topic.name(),
                    which.get(0).queue(),
                    which.get(0).generation(),
                    settlements),
                List.of(),
                outcome -> settled(which, kind, outcome),
                // What is known of clients is of this leadership.
                OptionalLong.of(term)));
  }

  /**
   * Forgets what is not there any more, and what nobody keeps up. What was not proposed is looked
   * at again later.
   */
  private void settled(List<LeaseKey> which, Command.SettlementKind kind, ProposalOutcome outcome) {
    if (!(outcome instanceof ProposalOutcome.Applied applied)
        || !(applied.reply() instanceof Reply.Settled settled)) {
      return;
    }
    boolean disowned = kind == Command.SettlementKind.DISOWN;
    Iterator<Reply.SettledPart> parts = settled.parts().iterator();
    int count = 0;
    synchronized (this) {
      for (LeaseKey lease : which) {
        boolean isThere = parts.hasNext() && parts.next().messages() > 0;
        if (disowned && isThere) {
          count++;
        }
        if (disowned || !isThere) {
          forget(lease);
        }
      }
    }
    edge.stats().countDisownedLeases(count);
  }
}
