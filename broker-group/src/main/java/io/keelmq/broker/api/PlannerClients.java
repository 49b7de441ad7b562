package io.keelmq.broker.api;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.Batch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.function.Consumer;

/**
 * The clients of a consumer group at a topic and their leases: who may go on with which, whose are
 * renewed, whose end because their stream broke. No client has a timer of its own: the planner
 * looks when the first of them is due. Owned by the planner's pass.
 */
final class PlannerClients {

  /** How long the leases of a client outlive its stream. */
  static final Duration CUT_AFTER = Duration.ofSeconds(1);

  /** Leases of earlier leaders that are looked up; those beyond it end by their deadline. */
  static final int MAX_FOUND = 200_000;

  private static final int BATCHES_PER_LOOKUP = 256;

  private final Edge edge;
  private final SettleBatches settles;
  private final long groupId;
  private final long topicId;
  private final Map<String, ConsumingClient> clients = new HashMap<>();
  private final PriorityQueue<ConsumingClient> looks =
      new PriorityQueue<>(Comparator.comparingLong(client -> client.lookNanos));

  /** In the order of their times. */
  private final LinkedHashSet<ConsumingClient> cuts = new LinkedHashSet<>();

  PlannerClients(Edge edge, SettleBatches settles, long groupId, long topicId) {
    this.edge = edge;
    this.settles = settles;
    this.groupId = groupId;
    this.topicId = topicId;
  }

  /** Finds what earlier leaders, or an earlier planner, have leased to whom. */
  void find(int queues) {
    int found = 0;
    for (int queue = 0; queue < queues; queue++) {
      Optional<StateView.Cursor> cursor = edge.replica().state().cursor(groupId, topicId, queue);
      if (cursor.isEmpty() || cursor.get().batches() == 0) {
        continue;
      }
      Optional<LeaseId> after = Optional.empty();
      List<Batch> page;
      do {
        page = edge.replica().state().leased(groupId, topicId, queue, after, BATCHES_PER_LOOKUP);
        for (Batch batch : page) {
          var lease = new LeaseKey(queue, cursor.get().generation(), batch.id());
          // Without a client it only waits for its time, after somebody gave it back.
          if (!batch.clientId().isEmpty()) {
            client(batch.clientId()).put(lease, batch.offsets().size(), edge.now());
          }
          after = Optional.of(batch.id());
        }
        found += page.size();
      } while (page.size() == BATCHES_PER_LOOKUP && found < MAX_FOUND);
    }
  }

  private ConsumingClient client(String clientId) {
    return clients.computeIfAbsent(clientId, ConsumingClient::new);
  }

  /** The batch of a lease, if it is leased and to this client. */
  Optional<Batch> leased(LeaseKey lease, String clientId) {
    Optional<StateView.Cursor> cursor =
        edge.replica().state().cursor(groupId, topicId, lease.queue());
    if (cursor.isEmpty() || cursor.get().generation() != lease.generation()) {
      return Optional.empty();
    }
    return edge.replica()
        .state()
        .batch(groupId, topicId, lease.queue(), lease.id())
        .filter(batch -> batch.deadlineMillis() != 0 && batch.clientId().equals(clientId));
  }

  /**
   * A stream opens. What its client has and does not hold is delivered again on it.
   *
   * @return what it holds and has no more; empty if a later stream of the client goes on
   */
  Optional<List<LeaseKey>> attach(Attachment stream) {
    ConsumingClient client = client(stream.clientId());
    if (client.attachment().filter(stream::isBefore).isPresent()) {
      return Optional.empty();
    }
    var known = new ArrayList<LeaseKey>();
    client
        .attachment()
        .ifPresent(
            older -> {
              older.gone = true;
              // What it was still owed is the newer stream's.
              known.addAll(older.again);
              older.again.clear();
              older.consumer().takenOver();
            });
    cuts.remove(client);
    client.attach(stream);
    client.leases().forEach(known::add);
    client.clear();
    var held = new HashSet<>(stream.held());
    for (LeaseKey lease : known) {
      Optional<Batch> batch = leased(lease, client.clientId());
      if (batch.isPresent() && held.remove(lease)) {
        client.put(lease, batch.get().offsets().size(), edge.now());
      } else if (batch.isPresent()) {
        stream.again.add(lease);
      }
    }
    var lost = new ArrayList<LeaseKey>();
    for (LeaseKey lease : stream.held()) {
      if (!held.contains(lease)) {
        continue;
      }
      // Beyond what was looked up, or divided off and not told yet.
      Optional<Batch> batch = leased(lease, client.clientId());
      batch.ifPresentOrElse(
          there -> client.put(lease, there.offsets().size(), edge.now()), () -> lost.add(lease));
    }
    if (stream.renews()) {
      client.lookAtAll(edge.now());
    }
    queueForLook(client);
    return Optional.of(lost);
  }

  /** Whether this is the stream that its client goes on with. */
  boolean isAttached(Attachment stream) {
    if (stream.isPoll()) {
      return true;
    }
    ConsumingClient client = clients.get(stream.clientId());
    return client != null && client.isAttached(stream);
  }

  void delivered(Attachment stream, LeaseKey lease, int messages) {
    if (stream.isPoll()) {
      // Who asked for it knows how long its client is to have it.
      return;
    }
    ConsumingClient client = client(stream.clientId());
    client.put(lease, messages, edge.now());
    queueForLook(client);
  }

  /** A lease was handed to a stream that had ended. */
  void undelivered(Attachment stream, LeaseKey lease) {
    if (stream.isPoll()) {
      release(lease, OffsetSet.EMPTY);
      return;
    }
    ConsumingClient client = clients.get(stream.clientId());
    boolean another =
        client != null && client.attachment().isPresent() && !client.isAttached(stream);
    // Another stream of the client has it already, to be delivered again.
    if (!another) {
      if (client != null) {
        client.remove(lease);
      }
      release(lease, OffsetSet.EMPTY);
    }
  }

  void changed(Attachment stream, ConsumerChanges.LeaseChange change) {
    ConsumingClient client = clients.get(stream.clientId());
    if (client != null) {
      // What an earlier stream has decided may have been in the state already when the leases were
      // counted for this one. A count too high costs a renewal, one too low the lease.
      client.changed(change, client.isAttached(stream), edge.now());
    }
  }

  private void queueForLook(ConsumingClient client) {
    if (!client.queuedForLook && client.attachment().isPresent() && client.hasLeases()) {
      client.queuedForLook = true;
      client.lookNanos = client.nextLookNanos();
      looks.add(client);
    } else if (client.queuedForLook
        && client.hasLeases()
        && client.nextLookNanos() - client.lookNanos < 0) {
      looks.remove(client);
      client.lookNanos = client.nextLookNanos();
      looks.add(client);
    }
  }

  /** A stream has ended without being closed: another may follow within a while. */
  void detach(Attachment stream) {
    ConsumingClient client = clients.get(stream.clientId());
    if (stream.isPoll() || client == null || !client.isAttached(stream)) {
      return;
    }
    client.detach();
    // What was to be delivered again has not been: it is this client's until the cut.
    stream.again.forEach(lease -> client.put(lease, 1, edge.now()));
    if (client.hasLeases()) {
      client.cutNanos = edge.now() + CUT_AFTER.toNanos();
      cuts.add(client);
    } else {
      forget(client);
    }
  }

  private void forget(ConsumingClient client) {
    clients.remove(client.clientId());
    if (client.queuedForLook) {
      looks.remove(client);
    }
  }

  /**
   * A consumer was closed: gives back what it has.
   *
   * @param done told when the state knows
   */
  void close(Attachment stream, Runnable done) {
    ConsumingClient client = clients.get(stream.clientId());
    if (client == null || !client.isAttached(stream)) {
      done.run();
      return;
    }
    forget(client);
    client.detach();
    stream.again.forEach(lease -> client.put(lease, 1, edge.now()));
    stream.again.clear();
    int[] left = {1};
    Runnable one =
        () -> {
          if (--left[0] == 0) {
            done.run();
          }
        };
    for (LeaseKey lease : client.leases()) {
      left[0]++;
      settle(lease, Command.SettlementKind.RELEASE, OffsetSet.EMPTY, 0, part -> one.run());
    }
    client.clear();
    settles.flush();
    one.run();
  }

  /** Gives back what could not be delivered; it was no attempt. */
  void release(LeaseKey lease, OffsetSet offsets) {
    settle(lease, Command.SettlementKind.RELEASE, offsets, 0, part -> {});
  }

  /** Lets go of messages that retention has taken. */
  void drop(LeaseKey lease, OffsetSet offsets) {
    settle(lease, Command.SettlementKind.ACK, offsets, 0, part -> {});
  }

  private void settle(
      LeaseKey lease,
      Command.SettlementKind kind,
      OffsetSet offsets,
      long millis,
      Consumer<Optional<Reply.SettledPart>> done) {
    settles.add(
        lease,
        new Command.Settlement(kind, lease.id(), offsets, millis),
        new SettleBatches.Decided() {
          @Override
          public void by(Reply.SettledPart part) {
            done.accept(Optional.of(part));
          }

          @Override
          public void refused(Refusal why) {
            done.accept(Optional.empty());
          }
        });
  }

  /** Renews, forgets and cuts what is due. */
  void tick() {
    long now = edge.now();
    while (!cuts.isEmpty() && firstCut().cutNanos - now <= 0) {
      ConsumingClient client = firstCut();
      cuts.remove(client);
      cut(client);
    }
    while (!looks.isEmpty() && looks.peek().lookNanos - now <= 0) {
      ConsumingClient client = looks.remove();
      client.queuedForLook = false;
      client
          .attachment()
          .ifPresent(
              stream -> {
                client.look(now, lease -> renew(client, stream, lease));
                queueForLook(client);
              });
    }
    settles.flush();
  }

  private ConsumingClient firstCut() {
    return cuts.iterator().next();
  }

  private void cut(ConsumingClient client) {
    edge.stats().cutConsumers.increment();
    forget(client);
    for (LeaseKey lease : client.leases()) {
      settle(lease, Command.SettlementKind.NACK, OffsetSet.EMPTY, 0, part -> {});
    }
  }

  private void renew(ConsumingClient client, Attachment stream, LeaseKey lease) {
    settle(
        lease,
        Command.SettlementKind.EXTEND,
        OffsetSet.EMPTY,
        Math.max(Limits.MIN_INVISIBLE_MILLIS, stream.invisibleMillis()),
        part -> {
          if (part.isPresent() && part.get().messages() > 0) {
            edge.stats().renewals.increment();
          } else {
            client.remove(lease);
          }
        });
  }

  /** Whether somebody is still waited for. */
  boolean isIdle() {
    return cuts.isEmpty() && settles.isIdle();
  }

  /** When {@link #tick} has something to do; a day from now if nothing is foreseen. */
  long nextDueNanos() {
    long next = edge.now() + Duration.ofDays(1).toNanos();
    if (!cuts.isEmpty() && firstCut().cutNanos - next < 0) {
      next = firstCut().cutNanos;
    }
    if (!looks.isEmpty() && looks.peek().lookNanos - next < 0) {
      next = looks.peek().lookNanos;
    }
    return next;
  }
}
