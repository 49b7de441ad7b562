package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeResponse;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
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
 * <p>Works in passes on the read executor, one at a time; fields that are neither final nor
 * volatile are owned by the pass. What others tell it goes through {@link PlannerMail}.
 */
final class DeliveryPlanner implements PlannerQueues.Host, GrantsInFlight.Host {

  /** Granted to a consumer, or handed over, and not taken by it; a single message may be larger. */
  static final long MAX_UNSENT_BYTES = 512 << 10;

  /** Of records that one grant is planned for. */
  private static final long GRANT_BYTES = 256 << 10;

  /** Plans and tasks of one pass; then other planners have their turn. */
  private static final int PLANS_PER_PASS = 16;

  private static final int TASKS_PER_PASS = 256;

  private static final Logger LOG = LoggerFactory.getLogger(DeliveryPlanner.class);

  private final Edge edge;
  private final InFlightBytes unsent;
  private final DeliveryPlanners.Key key;
  private final String consumerGroup;
  private final String topic;
  private final Leadership leadership;
  private final StateView.ConsumerGroup group;
  private final Runnable onEnd;
  private final PlannerMail mail;
  // A field, because who is to forget it must be given the same object again.
  private final Runnable roomMade;
  private final Planning planning;
  private final SettleBatches settles;
  private final PlannerClients clients;
  private final LeaseDeliveries deliveries;
  private final PlannerQueues queues;
  private final PlannerStreams streams;
  private final GrantsInFlight grants;

  /** Whether a queue that grows is of interest at once. */
  private volatile boolean hungry;

  private volatile long dueNanos;

  private boolean started;

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
    this.mail = new PlannerMail(readers, this::pass);
    this.roomMade = mail::call;
    this.unsent = unsent;
    this.streams = new PlannerStreams(edge, unsent);
    this.key = key;
    this.group = group;
    this.consumerGroup = group.name();
    this.topic = topic.name();
    this.leadership = leadership;
    this.onEnd = onEnd;
    var records = new RecordSource(edge.replica().log());
    this.planning =
        new Planning(
            edge.replica().state(),
            key.groupId(),
            key.topicId(),
            group.settings().fifo(),
            records,
            new RecordHead());
    this.settles =
        new SettleBatches(
            edge,
            consumerGroup,
            this.topic,
            // What it knows of clients is of this leadership: in the next one, what it gives back
            // may have been delivered by the next planner.
            OptionalLong.of(leadership.term()),
            this::post);
    this.clients = new PlannerClients(edge, settles, key.groupId(), key.topicId());
    this.deliveries = new LeaseDeliveries(edge, key, records, clients, unsent);
    this.queues =
        new PlannerQueues(
            edge, "group=" + consumerGroup + " topic=" + this.topic, topic.type(), planning, this);
    this.grants =
        new GrantsInFlight(
            edge,
            consumerGroup,
            this.topic,
            leadership.term(),
            unsent,
            queues,
            clients,
            deliveries,
            this);
    this.dueNanos = queues.nextDueNanos();
  }

  Leadership leadership() {
    return leadership;
  }

  /** Takes a stream on; false if this planner has come to its end. */
  boolean attach(Attachment stream) {
    return mail.arrive(stream);
  }

  /** There is something to take from a stream's changes. */
  void changed(Attachment stream) {
    post(() -> took(stream, stream.changes().take()));
  }

  /** A queue has grown. Called on the listener thread. */
  void grown(int queue) {
    mail.grown(queue);
    wake();
  }

  /**
   * A queue may have batches that are ready. Called on the listener thread.
   *
   * @param fromOffset none became ready that begins below
   */
  void readied(int queue, long fromOffset) {
    mail.readied(queue, fromOffset);
    wake();
  }

  private void wake() {
    // Without somebody who waits it is enough to know.
    if (hungry) {
      mail.call();
    }
  }

  void topicsChanged() {
    post(this::refresh);
  }

  /** This replica leads no more, or leads anew. */
  void leadershipLost() {
    post(() -> breakAll(Refusal.noLeader("this replica leads no more")));
  }

  /** Called from time to time, while {@link #dueNanos} is near. */
  void tick() {
    if (dueNanos - edge.now() <= 0 || unsent.isFull()) {
      mail.call();
    }
  }

  /** Tasks are run by the pass, in their order; not at all once the planner has ended. */
  @Override
  public void post(Runnable task) {
    mail.post(task);
  }

  @Override
  public void later(long millis, Runnable task) {
    try {
      edge.timer().schedule(() -> post(task), millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("the server is closed, and the streams with it", e);
    }
  }

  private boolean pass() {
    try {
      return work();
    } catch (RuntimeException e) {
      LOG.error("group={} topic={} a planner failed", consumerGroup, topic, e);
      refuseAll(Refusal.internal(e));
      return false;
    }
  }

  /** One pass; true if there is more to do at once. */
  private boolean work() {
    hungry = false;
    boolean more = runTasks();
    if (mail.isClosed()) {
      return false;
    }
    mail.takeNotes(queues);
    if (queues.isOutgrown()) {
      refresh();
    }
    if (dueNanos - edge.now() <= 0) {
      clients.tick();
      queues.planFiltered(streams.any()).forEach(grants::propose);
    }
    if (unsent.isFull()) {
      streams.endStuck();
    }
    if (streams.anybodyWaits() && queues.hasActive() && !isGroupTheSame()) {
      refuseAll(
          new Refusal(
              Code.CONSUMER_GROUP_NOT_FOUND,
              "consumer group " + consumerGroup + " was deleted meanwhile"));
    }
    int plans = 0;
    while (plans < PLANS_PER_PASS && planOne()) {
      plans++;
    }
    more |= plans == PLANS_PER_PASS;
    settles.flush();
    if (!more) {
      planning.records().clear();
      if (streams.areOver() && isIdle()) {
        leave();
        return false;
      }
      dueNanos =
          earlier(streams.nextDueNanos(), earlier(clients.nextDueNanos(), queues.nextDueNanos()));
      hungry = streams.anybodyWaits();
      more = hungry && mail.hasNotes();
    }
    return more;
  }

  private static long earlier(long oneNanos, long otherNanos) {
    return oneNanos - otherNanos < 0 ? oneNanos : otherNanos;
  }

  private boolean isGroupTheSame() {
    return edge.replica()
        .state()
        .consumerGroup(consumerGroup)
        .filter(now -> now.id() == key.groupId())
        .isPresent();
  }

  private boolean runTasks() {
    for (var next = mail.nextArrival(); next.isPresent(); next = mail.nextArrival()) {
      attached(next.get());
    }
    for (int i = 0; i < TASKS_PER_PASS; i++) {
      Optional<Runnable> task = mail.nextTask();
      if (task.isEmpty()) {
        return false;
      }
      task.get().run();
    }
    return true;
  }

  private boolean isIdle() {
    return grants.isIdle() && clients.isIdle();
  }

  private void leave() {
    if (!mail.closeIfEmpty()) {
      return;
    }
    unsent.forget(roomMade);
    onEnd.run();
  }

  private void attached(Attachment stream) {
    if (!started) {
      started = true;
      refresh();
      clients.find(queues.size());
    }
    if (mail.isClosed()) {
      stream.consumer().broken(Refusal.noLeader("the planner of the topic has ended"));
      return;
    }
    if (stream.isPoll()) {
      streams.add(stream);
      streams.await(stream);
      return;
    }
    Optional<List<LeaseKey>> lost = clients.attach(stream);
    if (lost.isEmpty()) {
      stream.consumer().takenOver();
      return;
    }
    streams.add(stream);
    stream.consumer().opened(stream.opened(group.settings(), lost.get()));
  }

  private void took(Attachment stream, ConsumerChanges.Taken taken) {
    stream.credit += taken.credit();
    if (streams.isOpen(stream)) {
      stream.unsentBytes -= taken.sentBytes();
      stream.movedNanos = taken.sentBytes() > 0 ? edge.now() : stream.movedNanos;
      unsent.release(taken.sentBytes());
    }
    for (ConsumerChanges.LeaseChange change : taken.leases()) {
      clients.changed(stream, change);
      queues.settled(change.lease().queue());
    }
    for (LeaseKey lease : taken.undelivered()) {
      clients.undelivered(stream, lease);
    }
    if (taken.closing() && stream.isPoll()) {
      stream.finishing = true;
    } else if (taken.closing()) {
      stream.closing = true;
    }
    if (taken.gone() && streams.isOpen(stream)) {
      streams.leave(stream);
      clients.detach(stream);
    }
    decided(stream);
  }

  @Override
  public boolean isOpen(Attachment stream) {
    return streams.isOpen(stream);
  }

  @Override
  public void decided(Attachment stream) {
    if (stream.isPoll()) {
      finishIfDone(stream);
    } else {
      closeIfDone(stream);
    }
    streams.await(stream);
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

  private void finishIfDone(Attachment poll) {
    if (poll.isFinished() && !deliveries.hasStalled(poll)) {
      poll.closed = true;
      poll.consumer().closed();
    }
  }

  /** Does one step for the consumer whose turn it is; false if there is nothing to do now. */
  private boolean planOne() {
    if (!streams.anybodyWaits() || !grants.hasRoom()) {
      return false;
    }
    boolean again = streams.anybodyIsOwed();
    if (!again && !queues.hasActive()) {
      return false;
    }
    Attachment stream = streams.next();
    if (!stream.canTake()) {
      streams.passOver(stream);
      return true;
    }
    if (!unsent.hasRoom(roomMade)) {
      return false;
    }
    edge.stats().deliveryTurns.increment();
    if (again) {
      grants.deliverAgain(stream, stream.again.remove());
      decided(stream);
    } else {
      Optional<GrantPlan> plan =
          queues.plan(
              stream,
              (int) Math.min(stream.credit, stream.maxBatchMessages()),
              Math.min(GRANT_BYTES, MAX_UNSENT_BYTES - stream.unsentBytes));
      if (plan.isEmpty()) {
        return true;
      }
      grants.propose(plan.get());
    }
    streams.goBehind(stream);
    return true;
  }

  /** Takes up queues that were added; ends with the topic. */
  private void refresh() {
    Optional<Topic> now = edge.replica().state().topic(key.topicId());
    if (now.isEmpty()) {
      refuseAll(new Refusal(Code.TOPIC_NOT_FOUND, "topic " + topic + " was deleted meanwhile"));
      return;
    }
    queues.grow(now.get().queues());
  }

  @Override
  public void tellAll(ConsumeResponse event) {
    streams.tellAll(event);
  }

  @Override
  public void refuseAll(Refusal why) {
    end(stream -> stream.consumer().refused(why));
  }

  @Override
  public void breakAll(Refusal why) {
    end(stream -> stream.consumer().broken(why));
  }

  private void end(Consumer<Attachment> tell) {
    if (mail.isClosed()) {
      return;
    }
    List<Attachment> all = streams.all();
    all.addAll(mail.close());
    settles.stop();
    unsent.forget(roomMade);
    for (Attachment stream : all) {
      streams.leave(stream);
      tell.accept(stream);
    }
    onEnd.run();
  }
}
