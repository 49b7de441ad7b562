package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumePaused;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands the messages of one topic to the consumers of one group, at the leader.
 *
 * <p>It picks a consumer that can take messages and a queue that may have some, plans a grant, lets
 * the state machine judge it, and delivers what was leased. Several grants are in flight, for which
 * it remembers what is planned; nothing else of it matters: the state decides, and a new leader's
 * planner begins with what the state says. It lives for one leadership at most.
 *
 * <p>Works in passes on the read executor, one at a time; fields that are not final are owned by
 * the pass. What others tell it, and which queues have grown, is guarded by {@link #mail}, under
 * which nobody is called.
 */
final class DeliveryPlanner {

  /** Granted to a consumer, or handed over, and not taken by it; a single message may be larger. */
  static final long MAX_UNSENT_BYTES = 512 << 10;

  static final int MAX_GRANTS_IN_FLIGHT = 32;

  /** Of records that one grant is planned for. */
  private static final long GRANT_BYTES = 256 << 10;

  /** A consumer that took nothing for so long makes room when others have none. */
  private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** Plans and tasks of one pass; then other planners have their turn. */
  private static final int PLANS_PER_PASS = 16;

  private static final int TASKS_PER_PASS = 256;

  /** On PRIORITY topics one plan in so many goes to the next queue, whatever its priority. */
  private static final int GUARD_EVERY = 8;

  /** Tries at an entry that is applied and not in the local log. */
  private static final int MAX_ENTRY_TRIES = 400;

  private static final long ENTRY_RETRY_MILLIS = 5;
  private static final long LOST_ENTRY_MILLIS = 1_000;
  private static final long PAUSED_QUEUE_MILLIS = 1_000;
  private static final long FILTERED_MILLIS = 1_000;
  private static final long MAX_PAUSE_MILLIS = 640;

  private static final Logger LOG = LoggerFactory.getLogger(DeliveryPlanner.class);

  private final Edge edge;
  private final Executor readers;
  private final InFlightBytes unsent;
  private final DeliveryPlanners.Key key;
  private final String consumerGroup;
  private final String topic;
  private final Leadership leadership;
  private final StateView.ConsumerGroup group;
  private final boolean byPriority;
  private final Runnable onEnd;
  private final Runnable roomMade = this::call;
  private final PlannedQueue.Planning planning;
  private final SettleBatches settles;
  private final PlannerClients clients;
  private final LeaseDeliveries deliveries;

  private final Object mail = new Object();
  private final ArrayDeque<Attachment> arrivals = new ArrayDeque<>();
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final BitSet grown = new BitSet();
  private final BitSet readied = new BitSet();
  private boolean closed;

  /** Reasons for a pass since the last one began; a pass is queued or runs while it is not 0. */
  private final AtomicInteger calls = new AtomicInteger();

  /** Whether a queue that grows is of interest at once. */
  private volatile boolean hungry;

  private volatile long dueNanos;

  private final List<PlannedQueue> queues = new ArrayList<>();

  /** Queues that may have something to plan. */
  private final BitSet active = new BitSet();

  private final BitSet told = new BitSet();

  /** Streams that have not ended. */
  private final Set<Attachment> streams = new LinkedHashSet<>();

  /** Those that can take messages, the one whose turn it is first. */
  private final LinkedHashSet<Attachment> waiting = new LinkedHashSet<>();

  private int grantsInFlight;
  private int lastQueue = -1;
  private int picks;
  private int failures;
  private boolean pausing;
  private boolean retrying;
  private int[] entryTries = new int[0];
  private boolean started;
  private long filteredDueNanos;

  DeliveryPlanner(
      Edge edge,
      Executor readers,
      InFlightBytes unsent,
      DeliveryPlanners.Key key,
      StateView.ConsumerGroup group,
      Topic topic,
      Leadership leadership,
      Runnable onEnd) {
    this.edge = edge;
    this.readers = readers;
    this.unsent = unsent;
    this.key = key;
    this.group = group;
    this.consumerGroup = group.name();
    this.topic = topic.name();
    this.byPriority = topic.type() == TopicType.PRIORITY;
    this.leadership = leadership;
    this.onEnd = onEnd;
    var records = new RecordSource(edge.replica().log());
    this.planning =
        new PlannedQueue.Planning(
            edge.replica().state(),
            key.groupId(),
            key.topicId(),
            group.settings().fifo(),
            records,
            new RecordHead());
    this.settles = new SettleBatches(edge, consumerGroup, this.topic, this::post);
    this.clients = new PlannerClients(edge, settles, key.groupId(), key.topicId());
    this.deliveries = new LeaseDeliveries(edge, key, records, clients, unsent);
    this.dueNanos = never();
  }

  private long never() {
    return edge.now() + TimeUnit.DAYS.toNanos(1);
  }

  Leadership leadership() {
    return leadership;
  }

  /** Takes a stream on; false if this planner has come to its end. */
  boolean attach(Attachment stream) {
    synchronized (mail) {
      if (closed) {
        return false;
      }
      arrivals.add(stream);
    }
    call();
    return true;
  }

  /** There is something to take from a stream's changes. */
  void changed(Attachment stream) {
    post(() -> took(stream, stream.changes().take()));
  }

  /** A queue has grown, or may have batches that are ready. Called on the listener thread. */
  void wake(int queue, boolean ready) {
    synchronized (mail) {
      (ready ? readied : grown).set(queue);
    }
    // Without somebody who waits it is enough to know.
    if (hungry) {
      call();
    }
  }

  void topicsChanged() {
    post(this::refresh);
  }

  /** This replica leads no more, or leads anew. */
  void leadershipLost() {
    post(
        () ->
            end(
                stream ->
                    stream.consumer().broken(Refusal.noLeader("this replica leads no more"))));
  }

  /** Called from time to time, while {@link #dueNanos} is near. */
  void tick() {
    if (dueNanos - edge.now() <= 0 || unsent.isFull()) {
      call();
    }
  }

  /** Tasks are run by the pass, in their order. */
  private boolean post(Runnable task) {
    synchronized (mail) {
      if (closed) {
        return false;
      }
      tasks.add(task);
    }
    call();
    return true;
  }

  private void call() {
    if (calls.getAndIncrement() == 0) {
      queuePass();
    }
  }

  private void queuePass() {
    try {
      readers.execute(this::pass);
    } catch (RejectedExecutionException e) {
      // Only when the server is closed, which ends the streams too.
      LOG.debug("a planner was left", e);
    }
  }

  private void pass() {
    int seen = calls.get();
    boolean more = false;
    try {
      more = work();
    } catch (RuntimeException e) {
      LOG.error("group={} topic={} a planner failed", consumerGroup, topic, e);
      end(stream -> stream.consumer().refused(Refusal.internal(e)));
    }
    if (more || !calls.compareAndSet(seen, 0)) {
      queuePass();
    }
  }

  /** One pass; true if there is more to do at once. */
  private boolean work() {
    hungry = false;
    boolean more = runTasks();
    synchronized (mail) {
      if (closed) {
        return false;
      }
      active.or(grown);
      active.or(readied);
      readied.stream().filter(queue -> queue < queues.size()).forEach(this::lookForReady);
      grown.clear();
      readied.clear();
    }
    if (dueNanos - edge.now() <= 0) {
      clients.tick();
      tellFiltered();
    }
    if (unsent.isFull()) {
      endStuck();
    }
    int plans = 0;
    while (plans < PLANS_PER_PASS && planOne()) {
      plans++;
    }
    more |= plans == PLANS_PER_PASS;
    settles.flush();
    if (!more) {
      planning.records().clear();
      if (streams.isEmpty() && isIdle()) {
        leave();
        return false;
      }
      dueNanos = earliest(clients.nextDueNanos(), filteredDueNanos);
      hungry = !waiting.isEmpty();
      synchronized (mail) {
        more = hungry && (!grown.isEmpty() || !readied.isEmpty());
      }
    }
    return more;
  }

  /** Ends streams whose consumers read nothing, so that they cannot starve all others. */
  private void endStuck() {
    long now = edge.now();
    for (Attachment stream : List.copyOf(streams)) {
      if (stream.unsentBytes > 0 && !stream.gone && now - stream.movedNanos > STUCK_NANOS) {
        stream.gone = true;
        unqueue(stream);
        stream
            .consumer()
            .refused(
                new Refusal(
                    Code.TOO_MANY_REQUESTS,
                    "the consumer has taken nothing for a while, and others need the room: open"
                        + " again to go on, with less credit"));
      }
    }
  }

  private void lookForReady(int queue) {
    queues.get(queue).lookForReady();
  }

  private long earliest(long a, long b) {
    return a - b < 0 ? a : b;
  }

  private boolean runTasks() {
    while (true) {
      Attachment arrived;
      synchronized (mail) {
        arrived = arrivals.poll();
      }
      if (arrived == null) {
        break;
      }
      attached(arrived);
    }
    for (int i = 0; i < TASKS_PER_PASS; i++) {
      Runnable task;
      synchronized (mail) {
        task = tasks.poll();
      }
      if (task == null) {
        return false;
      }
      task.run();
    }
    return true;
  }

  private boolean isIdle() {
    return grantsInFlight == 0 && !deliveries.hasStalled() && clients.isIdle();
  }

  private void leave() {
    synchronized (mail) {
      if (!tasks.isEmpty() || !arrivals.isEmpty()) {
        return;
      }
      closed = true;
    }
    unsent.forget(roomMade);
    onEnd.run();
  }

  private void attached(Attachment stream) {
    if (!started) {
      started = true;
      filteredDueNanos = never();
      refresh();
      clients.find(queues.size());
    }
    if (isClosed()) {
      stream.consumer().broken(Refusal.noLeader("the planner of the topic has ended"));
      return;
    }
    List<LeaseKey> lost = clients.attach(stream);
    streams.add(stream);
    var opened =
        ConsumerOpened.newBuilder()
            .setMaxSettlesInFlight(ConsumeSession.MAX_SETTLES_IN_FLIGHT)
            .setInvisibleMillis(stream.invisibleMillis())
            .setFifo(group.settings().fifo())
            .setMaxAttempts(group.settings().maxAttempts());
    lost.forEach(lease -> opened.addLost(lease.toRef()));
    stream.consumer().opened(opened.build());
  }

  private boolean isClosed() {
    synchronized (mail) {
      return closed;
    }
  }

  private void took(Attachment stream, ConsumerChanges.Taken taken) {
    stream.credit += taken.credit();
    if (streams.contains(stream)) {
      stream.unsentBytes -= taken.sentBytes();
      stream.movedNanos = taken.sentBytes() > 0 ? edge.now() : stream.movedNanos;
      unsent.release(taken.sentBytes());
    }
    for (ConsumerChanges.LeaseChange change : taken.leases()) {
      clients.changed(stream, change);
      if (change.lease().queue() < queues.size()
          && queues.get(change.lease().queue()).paused().isPresent()) {
        active.set(change.lease().queue());
      }
    }
    for (LeaseKey lease : taken.undelivered()) {
      clients.undelivered(stream, lease);
    }
    if (taken.closing()) {
      stream.closing = true;
    }
    if (taken.gone() && streams.contains(stream)) {
      leave(stream);
      clients.detach(stream);
    }
    closeIfDone(stream);
    await(stream);
  }

  private void leave(Attachment stream) {
    stream.gone = true;
    streams.remove(stream);
    unqueue(stream);
    unsent.release(stream.unsentBytes);
    stream.unsentBytes = 0;
  }

  /** A closed consumer's leases go back when all that is granted to it has come. */
  private void closeIfDone(Attachment stream) {
    if (stream.closing
        && !stream.gone
        && !stream.closed
        && stream.grantsInFlight == 0
        && !deliveries.hasStalled(stream)) {
      stream.closed = true;
      clients.close(stream, () -> stream.consumer().closed());
    }
  }

  private void await(Attachment stream) {
    if (stream.canTake()) {
      if (waiting.add(stream)) {
        edge.stats().parkedConsumers.increment();
      }
    } else {
      unqueue(stream);
    }
  }

  private void unqueue(Attachment stream) {
    if (waiting.remove(stream)) {
      edge.stats().parkedConsumers.decrement();
    }
  }

  /** Does one step for the consumer whose turn it is; false if there is nothing to do now. */
  private boolean planOne() {
    if (pausing || waiting.isEmpty() || grantsInFlight >= MAX_GRANTS_IN_FLIGHT) {
      return false;
    }
    Attachment stream = waiting.iterator().next();
    boolean again = !stream.again.isEmpty();
    if ((!again && active.isEmpty()) || !unsent.hasRoom(roomMade)) {
      return false;
    }
    if (again) {
      deliveries.deliverAgain(stream, stream.again.remove());
      retryStalled();
    } else if (!plan(stream, pick())) {
      return true;
    }
    // The others have their turn first.
    unqueue(stream);
    await(stream);
    return true;
  }

  private int pick() {
    if (byPriority && ++picks % GUARD_EVERY != 0) {
      return active.length() - 1;
    }
    int queue = active.nextSetBit(lastQueue + 1);
    lastQueue = queue >= 0 ? queue : active.nextSetBit(0);
    return lastQueue;
  }

  /** Plans from one queue; true if something was proposed. */
  private boolean plan(Attachment stream, int number) {
    if (number >= queues.size()) {
      refresh();
      if (number >= queues.size()) {
        active.clear(number);
        return false;
      }
    }
    PlannedQueue queue = queues.get(number);
    Optional<GrantPlan> plan =
        queue.plan(
            planning,
            stream,
            (int) Math.min(stream.credit, stream.maxBatchMessages()),
            Math.min(GRANT_BYTES, MAX_UNSENT_BYTES - stream.unsentBytes));
    queue.takeTrimmed().ifPresent(stream.consumer()::trimmed);
    if (!queue.hasMore()) {
      active.clear(number);
    }
    queue.missingEntry().ifPresentOrElse(entry -> missing(queue, entry), () -> found(queue));
    tellPaused(queue);
    if (queue.hasFiltered() && filteredDueNanos - edge.now() > FILTERED_MILLIS * 1_000_000) {
      filteredDueNanos = edge.now() + TimeUnit.MILLISECONDS.toNanos(FILTERED_MILLIS);
    }
    plan.ifPresent(this::propose);
    return plan.isPresent();
  }

  /** An entry is applied and not in the local log yet: looks again shortly, for a while. */
  private void missing(PlannedQueue queue, long entry) {
    int number = queue.queue();
    active.clear(number);
    if (++entryTries[number] <= MAX_ENTRY_TRIES) {
      activateLater(number, ENTRY_RETRY_MILLIS);
      return;
    }
    if (entryTries[number] == MAX_ENTRY_TRIES + 1) {
      String why = "entry " + entry + " cannot be read at this replica";
      LOG.error("group={} topic={} queue={} {}", consumerGroup, topic, number, why);
      tellAll(number, why + ": it is tried again every second");
    }
    activateLater(number, LOST_ENTRY_MILLIS);
  }

  private void found(PlannedQueue queue) {
    entryTries[queue.queue()] = 0;
  }

  private void tellPaused(PlannedQueue queue) {
    int number = queue.queue();
    if (queue.paused().isEmpty()) {
      told.clear(number);
      return;
    }
    if (!told.get(number)) {
      told.set(number);
      tellAll(number, queue.paused().get());
      activateLater(number, PAUSED_QUEUE_MILLIS);
    }
  }

  private void tellAll(int queue, String why) {
    ConsumeResponse event =
        ConsumeResponse.newBuilder()
            .setPaused(ConsumePaused.newBuilder().setQueue(queue).setMessage(why))
            .build();
    streams.forEach(stream -> stream.consumer().tell(event));
  }

  private void activateLater(int queue, long millis) {
    later(
        millis,
        () -> {
          active.set(queue);
          told.clear(queue);
        });
  }

  private void later(long millis, Runnable task) {
    try {
      edge.timer().schedule(() -> post(task), millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("the server is closed, and the streams with it", e);
    }
  }

  /** Tells the state of messages that a filter took nothing of, when it has waited for a while. */
  private void tellFiltered() {
    if (filteredDueNanos - edge.now() > 0) {
      return;
    }
    filteredDueNanos = never();
    Optional<Attachment> stream = streams.stream().filter(one -> !one.gone).findFirst();
    for (PlannedQueue queue : queues) {
      if (queue.hasFiltered() && stream.isPresent()) {
        queue.planFiltered(planning, stream.get()).ifPresent(this::propose);
      }
    }
  }

  private void propose(GrantPlan plan) {
    Attachment stream = plan.consumer();
    stream.credit -= plan.messages();
    if (stream.unsentBytes == 0) {
      stream.movedNanos = edge.now();
    }
    stream.unsentBytes += plan.bytes();
    unsent.add(plan.bytes());
    stream.grantsInFlight++;
    grantsInFlight++;
    edge.stats().grants.increment();
    edge.replica()
        .propose(
            new Proposal(
                Optional.empty(),
                new Command.GrantLeases(
                    consumerGroup,
                    topic,
                    plan.queue().queue(),
                    plan.generation(),
                    stream.clientId(),
                    "",
                    stream.invisibleMillis(),
                    plan.grants()),
                List.of(),
                outcome -> post(() -> ended(plan, outcome))));
  }

  private void ended(GrantPlan plan, ProposalOutcome outcome) {
    Attachment stream = plan.consumer();
    grantsInFlight--;
    stream.grantsInFlight--;
    stream.credit += plan.messages();
    if (streams.contains(stream)) {
      stream.unsentBytes -= plan.bytes();
      unsent.release(plan.bytes());
    }
    int leased = 0;
    if (outcome instanceof ProposalOutcome.Applied applied) {
      if (applied.reply() instanceof Reply.Leased leases) {
        failures = 0;
        for (Reply.Lease lease : leases.leases()) {
          leased += lease.offsets().size();
          deliver(plan, lease);
        }
        retryStalled();
        if (leased == 0 && plan.messages() > 0) {
          edge.stats().emptyGrants.increment();
        }
      } else {
        rejected(plan, applied.reply());
      }
    } else {
      notGranted(plan, outcome);
    }
    long pauseMillis = plan.queue().ended(plan, leased, failures == 0);
    if (pauseMillis == 0) {
      active.set(plan.queue().queue());
    } else {
      activateLater(plan.queue().queue(), pauseMillis);
    }
    closeIfDone(stream);
    await(stream);
  }

  private void deliver(GrantPlan plan, Reply.Lease lease) {
    Attachment stream = plan.consumer();
    var key = new LeaseKey(plan.queue().queue(), plan.generation(), lease.id());
    if (lease.offsets().size() > stream.credit) {
      // A message group was freed between plan and grant, so that more came than was asked for.
      clients.release(key, lease.offsets());
      return;
    }
    stream.credit -= lease.offsets().size();
    deliveries.deliver(
        stream,
        new LeaseDeliveries.Leased(
            key,
            lease.offsets(),
            plan.runs().get(lease.grant()),
            lease.attempt(),
            lease.deadlineMillis(),
            false));
  }

  private void retryStalled() {
    if (deliveries.hasStalled() && !retrying) {
      retrying = true;
      later(
          ENTRY_RETRY_MILLIS,
          () -> {
            retrying = false;
            deliveries.retry().forEach(this::closeIfDone);
            retryStalled();
          });
    }
  }

  private void rejected(GrantPlan plan, Reply reply) {
    Refusal why =
        reply instanceof Reply.Rejected rejected
            ? ReplyMapper.refusal(rejected)
            : ReplyMapper.unexpected(reply);
    if (why.code() == Code.TOPIC_NOT_FOUND
        || why.code() == Code.CONSUMER_GROUP_NOT_FOUND
        || why.code() == Code.CONSUMER_GROUP_KIND_CONFLICT) {
      end(stream -> stream.consumer().refused(why));
      return;
    }
    LOG.error(
        "group={} topic={} queue={} a grant was rejected: {}",
        consumerGroup,
        topic,
        plan.queue().queue(),
        why.message());
    pause();
  }

  private void notGranted(GrantPlan plan, ProposalOutcome outcome) {
    if (outcome instanceof ProposalOutcome.NotProposed notProposed) {
      switch (notProposed.reason()) {
        case NOT_LEADER, SHUTTING_DOWN -> {
          Refusal why = Refusal.noLeader(notProposed.message());
          end(stream -> stream.consumer().broken(why));
        }
        case OVERLOADED, DISK_FULL -> pause();
        case TOO_LARGE -> {
          LOG.error("group={} topic={} a grant is too large: {}", consumerGroup, topic, plan);
          pause();
        }
      }
    } else {
      pause();
    }
  }

  /** Plans nothing for a while, a longer one each time in a row. */
  private void pause() {
    long millis =
        Math.min(MAX_PAUSE_MILLIS, Edge.OVERLOAD_PAUSE.toMillis() << Math.min(failures, 6));
    failures++;
    if (!pausing) {
      pausing = true;
      later(millis, () -> pausing = false);
    }
  }

  /** Takes up queues that were added; ends with the topic. */
  private void refresh() {
    Optional<Topic> now = edge.replica().state().topic(key.topicId());
    if (now.isEmpty()) {
      var why = new Refusal(Code.TOPIC_NOT_FOUND, "topic " + topic + " was deleted meanwhile");
      end(stream -> stream.consumer().refused(why));
      return;
    }
    while (queues.size() < now.get().queues()) {
      active.set(queues.size());
      queues.add(new PlannedQueue(queues.size()));
    }
    entryTries = Arrays.copyOf(entryTries, queues.size());
  }

  private void end(Consumer<Attachment> tell) {
    List<Attachment> all = new ArrayList<>(streams);
    synchronized (mail) {
      if (closed) {
        return;
      }
      closed = true;
      all.addAll(arrivals);
      arrivals.clear();
      tasks.clear();
    }
    settles.stop();
    unsent.forget(roomMade);
    for (Attachment stream : all) {
      leave(stream);
      tell.accept(stream);
    }
    onEnd.run();
  }
}
