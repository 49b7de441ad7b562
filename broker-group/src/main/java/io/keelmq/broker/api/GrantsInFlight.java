package io.keelmq.broker.api;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.v1.Code;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A planner's grants on their way through the log. What comes back is delivered; what was reserved
 * for more than came is given back. Owned by the planner's pass.
 */
final class GrantsInFlight {

  static final int MAX_IN_FLIGHT = 32;

  private static final long ENTRY_RETRY_MILLIS = 5;
  private static final long MAX_PAUSE_MILLIS = 640;
  private static final int MAX_DOUBLINGS = 6;

  private static final Logger LOG = LoggerFactory.getLogger(GrantsInFlight.class);

  /** What the planner does for its grants. */
  interface Host {

    /** Runs a task in a pass. */
    void post(Runnable task);

    void later(long millis, Runnable task);

    /** Whether the bytes that wait for a stream still count. */
    boolean isOpen(Attachment stream);

    /** Something that was granted to a stream has come to its end. */
    void decided(Attachment stream);

    /** Group or topic are gone. */
    void refuseAll(Refusal why);

    /** This replica leads no more. */
    void breakAll(Refusal why);
  }

  private final Edge edge;
  private final String consumerGroup;
  private final String topic;
  private final long term;
  private final InFlightBytes unsent;
  private final PlannerQueues queues;
  private final PlannerClients clients;
  private final LeaseDeliveries deliveries;
  private final Host host;

  private int inFlight;
  private int failuresInARow;
  private boolean pausing;
  private boolean retrying;

  /**
   * @param term in which alone it proposes
   */
  GrantsInFlight(
      Edge edge,
      String consumerGroup,
      String topic,
      long term,
      InFlightBytes unsent,
      PlannerQueues queues,
      PlannerClients clients,
      LeaseDeliveries deliveries,
      Host host) {
    this.edge = edge;
    this.consumerGroup = consumerGroup;
    this.topic = topic;
    this.term = term;
    this.unsent = unsent;
    this.queues = queues;
    this.clients = clients;
    this.deliveries = deliveries;
    this.host = host;
  }

  /** Whether another one may be proposed now. */
  boolean hasRoom() {
    return !pausing && inFlight < MAX_IN_FLIGHT;
  }

  boolean isIdle() {
    return inFlight == 0 && !deliveries.hasStalled();
  }

  void propose(GrantPlan plan) {
    Attachment stream = plan.consumer();
    stream.credit -= plan.messages();
    if (stream.unsentBytes == 0) {
      stream.movedNanos = edge.now();
    }
    stream.unsentBytes += plan.bytes();
    unsent.add(plan.bytes());
    stream.grantsInFlight++;
    inFlight++;
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
                    stream.attemptId(),
                    stream.invisibleMillis(),
                    plan.grants()),
                List.of(),
                outcome -> host.post(() -> ended(plan, outcome)),
                OptionalLong.of(term)));
  }

  private void ended(GrantPlan plan, ProposalOutcome outcome) {
    Attachment stream = plan.consumer();
    inFlight--;
    stream.grantsInFlight--;
    stream.credit += plan.messages();
    if (host.isOpen(stream)) {
      stream.unsentBytes -= plan.bytes();
      unsent.release(plan.bytes());
    }
    int leased = 0;
    boolean judged = false;
    if (!(outcome instanceof ProposalOutcome.Applied applied)) {
      notGranted(plan, outcome);
    } else if (applied.reply() instanceof Reply.Leased leases) {
      judged = true;
      failuresInARow = 0;
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
    queues.ended(plan, leased, judged);
    host.decided(stream);
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

  /** Delivers what a client has leased already and does not hold. */
  void deliverAgain(Attachment stream, LeaseKey lease) {
    deliveries.deliverAgain(stream, lease);
    retryStalled();
  }

  private void retryStalled() {
    if (deliveries.hasStalled() && !retrying) {
      retrying = true;
      host.later(
          ENTRY_RETRY_MILLIS,
          () -> {
            retrying = false;
            deliveries.retry().forEach(host::decided);
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
      host.refuseAll(why);
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
        case NOT_LEADER, SHUTTING_DOWN -> host.breakAll(Refusal.noLeader(notProposed.message()));
        case OVERLOADED, DISK_FULL -> pause();
        case TOO_LARGE, FEATURE_LEVEL -> {
          LOG.error(
              "group={} topic={} a grant cannot be stored: {}, {}",
              consumerGroup,
              topic,
              notProposed.message(),
              plan);
          pause();
        }
      }
    } else {
      pause();
    }
  }

  /** Proposes nothing for a while, a longer one each time in a row. */
  private void pause() {
    if (pausing) {
      return;
    }
    long millis =
        Math.min(
            MAX_PAUSE_MILLIS,
            Edge.OVERLOAD_PAUSE.toMillis() << Math.min(failuresInARow, MAX_DOUBLINGS));
    failuresInARow++;
    pausing = true;
    host.later(millis, () -> pausing = false);
  }
}
