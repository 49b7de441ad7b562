package io.keelmq.broker.api;

import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.Trimmed;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One look for messages at the leader, on behalf of a client without a stream. It waits until there
 * is something or it is told to end, and gets as much as is at hand then.
 *
 * <p>What it was given is its client's once {@link #taken} is called; until then it can be given
 * back. Thread-safe: guarded by its lock, under which nobody is called.
 */
public final class Poll implements PlannedConsumer {

  /** Told once how the poll ended, on any thread. */
  public interface Listener {

    /** What there is, perhaps nothing; to be answered by {@link #taken} or {@link #lost}. */
    void found(List<Delivery> deliveries);

    void refused(Refusal why);

    /**
     * After {@link #found}: its client does not read what was found, and others need the room. To
     * be answered by {@link #lost}.
     */
    void stuck(Refusal why);

    /** This replica leads no more. What was leased stays leased, under the attempt's id. */
    void broken(Refusal why);
  }

  private final Listener listener;
  private final ConsumerChanges changes = new ConsumerChanges();
  private final Attachment attachment;
  private final List<Delivery> deliveries = new ArrayList<>();
  private Optional<DeliveryPlanner> planner = Optional.empty();
  private boolean told;
  private boolean over;

  public Poll(PollWish wish, Listener listener) {
    this.listener = listener;
    this.attachment = Attachment.poll(this, changes, wish);
  }

  /** Once; runs where it may read. The group has to be subscribed to the topic. */
  public void start(DeliveryPlanners planners, String consumerGroup, String topic) {
    Optional<DeliveryPlanner> joined = planners.attach(consumerGroup, topic, attachment);
    if (joined.isEmpty()) {
      broken(Refusal.noLeader("this replica leads no more"));
      return;
    }
    boolean late;
    synchronized (this) {
      planner = joined;
      late = over;
    }
    if (late) {
      changes.gone();
    }
    joined.get().changed(attachment);
  }

  /** Ends the wait; the listener is told what there is. */
  public void endSoon() {
    if (changes.close()) {
      tellPlanner();
    }
  }

  /** What was found has left for its client. */
  public void taken() {
    if (end() && changes.gone()) {
      tellPlanner();
    }
  }

  /** Nobody will take what was found, or may be found yet: it is given back and was no attempt. */
  public void lost() {
    List<Delivery> back;
    synchronized (this) {
      if (over) {
        return;
      }
      over = true;
      back = List.copyOf(deliveries);
    }
    for (Delivery delivery : back) {
      giveBack(delivery);
    }
    if (changes.gone()) {
      tellPlanner();
    }
  }

  private synchronized boolean end() {
    boolean first = !over;
    over = true;
    return first;
  }

  private void giveBack(Delivery delivery) {
    if (changes.undelivered(LeaseKey.of(delivery.getLease()), delivery.getRecords().size())) {
      tellPlanner();
    }
  }

  private void tellPlanner() {
    Optional<DeliveryPlanner> joined;
    synchronized (this) {
      joined = planner;
    }
    joined.ifPresent(to -> to.changed(attachment));
  }

  @Override
  public void deliver(Delivery delivery) {
    boolean late;
    synchronized (this) {
      late = over;
      if (!late) {
        deliveries.add(delivery);
      }
    }
    if (late) {
      giveBack(delivery);
    }
  }

  @Override
  public void closed() {
    List<Delivery> found;
    synchronized (this) {
      if (told || over) {
        return;
      }
      told = true;
      found = List.copyOf(deliveries);
    }
    listener.found(found);
  }

  @Override
  public void refused(Refusal why) {
    if (isFirstWord()) {
      listener.refused(why);
    }
  }

  @Override
  public void stuck(Refusal why) {
    if (isFirstWord()) {
      listener.refused(why);
      // Nobody was told of what has come.
      lost();
    } else if (!isOver()) {
      listener.stuck(why);
    }
  }

  private synchronized boolean isOver() {
    return over;
  }

  @Override
  public void broken(Refusal why) {
    if (isFirstWord()) {
      listener.broken(why);
    }
  }

  private synchronized boolean isFirstWord() {
    boolean first = !told && !over;
    told = true;
    return first;
  }

  @Override
  public void opened(ConsumerOpened opened) {}

  @Override
  public void trimmed(Trimmed trimmed) {}

  @Override
  public void tell(ConsumeResponse event) {}

  @Override
  public void takenOver() {
    throw new IllegalStateException("a poll is no stream that another one could take over");
  }
}
