package io.keelmq.broker.rocketmq;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.HeldCall;
import io.keelmq.broker.api.LeaseKey;
import io.keelmq.broker.api.Poll;
import io.keelmq.broker.api.PollWish;
import io.keelmq.broker.api.Refusal;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.v1.Delivery;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * A poll at the replica that leads: subscribes the group, joins the planner, and books what it is
 * given. Used in the turn of its call; the planner tells it on its own thread.
 */
final class LeaderPoll implements Poll.Listener {

  /** Told once how the poll ended, on any thread. */
  interface Events {

    /** To be followed by {@link #taken} or {@link #lost}. */
    void found(LeaderPoll from, List<Message> messages);

    /** The topic is not known here. */
    void noTopic(LeaderPoll from);

    void refused(LeaderPoll from, Refusal why);

    /** Of what was found nothing leaves; to be followed by {@link #lost}. */
    void stuck(LeaderPoll from, Refusal why);

    /** Another try, here or elsewhere, may go well. */
    void broken(LeaderPoll from, Refusal why);
  }

  private final Served served;
  private final PollRequest wanted;
  private final Caller caller;
  private final boolean toBeTold;
  private final Leadership leadership;
  private final Events events;
  private final List<LeaseKey> booked = new CopyOnWriteArrayList<>();
  private volatile Optional<Poll> poll = Optional.empty();
  private volatile List<String> handles = List.of();
  private volatile boolean endSoon;
  private volatile boolean lost;
  private Optional<StateView.ConsumerGroup> group = Optional.empty();
  private Optional<Topic> topic = Optional.empty();
  private Optional<PolledLeases> leases = Optional.empty();

  /**
   * @param toBeTold whether somebody will say that what was found has reached the client
   */
  LeaderPoll(
      Served served,
      PollRequest wanted,
      Caller caller,
      boolean toBeTold,
      Leadership leadership,
      Events events) {
    this.served = served;
    this.wanted = wanted;
    this.caller = caller;
    this.toBeTold = toBeTold;
    this.leadership = leadership;
    this.events = events;
  }

  void start() {
    served.planners().execute(this::subscribe, why -> events.broken(this, why));
  }

  private void subscribe() {
    Optional<Topic> found =
        served.edge().replica().state().topic(ResourceChecks.name(wanted.topic()));
    if (found.isEmpty()) {
      events.noTopic(this);
      return;
    }
    topic = found;
    served.groups().subscribe(wanted.group(), found.get(), this::subscribed);
  }

  private void subscribed(HeldCall.Answer<Boolean> answer) {
    if (answer instanceof HeldCall.Answer.Final) {
      served.planners().execute(this::join, why -> events.broken(this, why));
    } else if (answer instanceof HeldCall.Answer.Refused<Boolean> refused) {
      events.refused(this, refused.why());
    } else if (answer instanceof HeldCall.Answer.NotDone<Boolean> notDone) {
      events.broken(this, notDone.why());
    } else {
      events.broken(this, Refusal.noLeader(((HeldCall.Answer.Unclear<Boolean>) answer).why()));
    }
  }

  private void join() {
    if (lost) {
      return;
    }
    group = served.edge().replica().state().consumerGroup(wanted.group());
    if (group.isEmpty()) {
      events.broken(this, Refusal.noLeader("the consumer group is gone again"));
      return;
    }
    PolledLeases book = served.leases().of(group.get(), topic.get(), leadership.term());
    if (!book.tryLoad()) {
      joinLater();
      return;
    }
    leases = Optional.of(book);
    var joined =
        new Poll(
            new PollWish(
                caller.clientId(),
                wanted.storedAttemptId(),
                wanted.filter(),
                wanted.invisibleMillis(),
                wanted.messages(),
                book.of(caller.clientId(), wanted.storedAttemptId())),
            this);
    poll = Optional.of(joined);
    joined.start(served.planners(), wanted.group(), topic.get().name());
    // Whoever said so before there was a poll found none.
    if (lost) {
      joined.lost();
    } else if (endSoon) {
      joined.endSoon();
    }
  }

  /** What earlier leaders leased is being read, and no reader waits for another one. */
  private void joinLater() {
    try {
      served
          .edge()
          .timer()
          .schedule(
              () -> served.planners().execute(this::join, why -> events.broken(this, why)),
              Edge.RETRY_EVERY.toMillis(),
              TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      events.broken(this, Refusal.shuttingDown());
    }
  }

  /** The time is over: what there is, is told. */
  void endSoon() {
    endSoon = true;
    poll.ifPresent(Poll::endSoon);
  }

  /** One of each lease of what was found. */
  List<String> handles() {
    return handles;
  }

  /** What was found has reached its client. */
  void taken() {
    poll.ifPresent(Poll::taken);
  }

  /** Nobody takes what was found or may be found yet. */
  void lost() {
    lost = true;
    leases.ifPresent(book -> booked.forEach(lease -> book.settled(lease, 0)));
    poll.ifPresent(Poll::lost);
  }

  @Override
  public void found(List<Delivery> deliveries) {
    var delivered =
        new DeliveredMessages(
            served.edge().replica().state(),
            group.get(),
            topic.get(),
            wanted.topic(),
            caller.sdk());
    var messages = new ArrayList<Message>();
    var leased = new ArrayList<String>();
    for (Delivery delivery : deliveries) {
      List<Message> its = delivered.of(delivery, wanted.kept(), wanted.invisibleMillis());
      messages.addAll(its);
      LeaseKey lease = LeaseKey.of(delivery.getLease());
      booked.add(lease);
      if (!its.isEmpty()) {
        leased.add(its.get(0).getSystemProperties().getReceiptHandle());
      }
      leases
          .get()
          .leased(
              caller.clientId(),
              wanted.storedAttemptId(),
              lease,
              its.size(),
              wanted.invisibleMillis(),
              toBeTold);
    }
    handles = leased;
    events.found(this, messages);
  }

  @Override
  public void refused(Refusal why) {
    events.refused(this, why);
  }

  @Override
  public void stuck(Refusal why) {
    events.stuck(this, why);
  }

  @Override
  public void broken(Refusal why) {
    events.broken(this, why);
  }
}
