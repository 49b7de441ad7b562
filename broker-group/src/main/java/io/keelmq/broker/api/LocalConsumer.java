package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.Trimmed;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Executor;

/**
 * A consumer that is served by this replica, which leads: subscribes its group, joins the group's
 * planner, and settles what the consumer has decided.
 *
 * <p>Fields that are not final or volatile are owned by the session's turn. What goes to the
 * planner goes through {@link ConsumerChanges}.
 */
final class LocalConsumer implements ConsumeTarget, PlannedConsumer {

  private final Edge edge;
  private final DeliveryPlanners planners;
  private final OpenConsumer open;
  private final Events events;
  private final ConsumerChanges changes = new ConsumerChanges();
  private final Attachment attachment;
  private final SettleBatches settles;
  private volatile Optional<DeliveryPlanner> planner = Optional.empty();
  private volatile boolean abandoned;

  private long handedBytes;
  private int openSettles;
  private boolean closing;

  /**
   * @param turn of the session
   */
  LocalConsumer(
      Edge edge, DeliveryPlanners planners, OpenConsumer open, Events events, Executor turn) {
    this.edge = edge;
    this.planners = planners;
    this.open = open;
    this.events = events;
    this.attachment = Attachment.stream(this, changes, open);
    this.settles =
        new SettleBatches(
            edge, open.getConsumerGroup(), open.getTopic(), OptionalLong.empty(), turn);
  }

  @Override
  public void open() {
    planners.execute(this::subscribe, this::broken);
  }

  private void subscribe() {
    Leadership leadership = edge.replica().leadership();
    StateView state = edge.replica().state();
    Optional<Topic> topic = state.topic(open.getTopic());
    if (!leadership.isLeader()) {
      broken(Refusal.noLeader("this replica does not lead"));
    } else if (topic.isEmpty()) {
      refused(
          new Refusal(
              Code.TOPIC_NOT_FOUND, "topic " + open.getTopic() + " does not exist: make it first"));
    } else if (isSubscribed(state, topic.get())) {
      attach();
    } else {
      edge.replica()
          .propose(
              new Proposal(
                  Optional.empty(),
                  new Command.SubscribeGroup(open.getConsumerGroup(), open.getTopic()),
                  List.of(),
                  this::subscribed));
    }
  }

  /**
   * Whether it is fixed where the group begins in every queue, so that nothing has to be written.
   */
  private boolean isSubscribed(StateView state, Topic topic) {
    Optional<StateView.ConsumerGroup> group = state.consumerGroup(open.getConsumerGroup());
    if (group.isEmpty() || group.get().kind() != GroupKind.LEASE) {
      return false;
    }
    return state.cursor(group.get().id(), topic.id(), 0).isPresent();
  }

  private void subscribed(ProposalOutcome outcome) {
    if (outcome instanceof ProposalOutcome.Applied applied) {
      if (applied.reply() instanceof Reply.Done) {
        planners.execute(this::attach, this::broken);
      } else {
        refused(
            applied.reply() instanceof Reply.Rejected rejected
                ? ReplyMapper.refusal(rejected)
                : ReplyMapper.unexpected(applied.reply()));
      }
    } else if (outcome instanceof ProposalOutcome.NotProposed notProposed) {
      Refusal why = ReplyMapper.refusal(notProposed);
      switch (notProposed.reason()) {
        case NOT_LEADER, SHUTTING_DOWN, OVERLOADED -> broken(why);
        case DISK_FULL, TOO_LARGE, FEATURE_LEVEL -> refused(why);
      }
    } else {
      broken(Refusal.noLeader(((ProposalOutcome.Unknown) outcome).message()));
    }
  }

  private void attach() {
    if (abandoned) {
      return;
    }
    Optional<DeliveryPlanner> joined =
        planners.attach(open.getConsumerGroup(), open.getTopic(), attachment);
    if (joined.isEmpty()) {
      broken(Refusal.noLeader("this replica leads no more"));
      return;
    }
    planner = joined;
    if (abandoned) {
      changes.gone();
    }
    joined.get().changed(attachment);
  }

  private void tellPlanner() {
    planner.ifPresent(joined -> joined.changed(attachment));
  }

  // What the planner tells; on its thread.

  @Override
  public void opened(ConsumerOpened opened) {
    events.event(this, ConsumeResponse.newBuilder().setOpened(opened).build());
  }

  @Override
  public void deliver(Delivery delivery) {
    events.event(this, ConsumeResponse.newBuilder().setDelivery(delivery).build());
  }

  @Override
  public void trimmed(Trimmed trimmed) {
    events.event(this, ConsumeResponse.newBuilder().setTrimmed(trimmed).build());
  }

  @Override
  public void tell(ConsumeResponse event) {
    events.event(this, event);
  }

  @Override
  public void takenOver() {
    refused(
        new Refusal(
            Code.PRECONDITION_FAILED,
            "another stream of client "
                + open.getClientId()
                + " has taken over: give each consumer a client_id of its own"));
  }

  @Override
  public void refused(Refusal why) {
    events.refused(this, why);
  }

  @Override
  public void stuck(Refusal why) {
    refused(why);
  }

  @Override
  public void broken(Refusal why) {
    events.broken(this, why);
  }

  @Override
  public void closed() {
    events.completed(this);
  }

  // What the session tells; in its turn.

  @Override
  public void credit(int messages) {
    if (changes.credit(messages)) {
      tellPlanner();
    }
  }

  @Override
  public boolean isReady() {
    return true;
  }

  @Override
  public boolean isLocal() {
    return true;
  }

  @Override
  public void taken(ConsumeResponse event) {
    if (event.hasDelivery()) {
      handedBytes += event.getDelivery().getRecords().size();
    }
  }

  @Override
  public void missed(ConsumeResponse event) {
    if (event.hasDelivery()
        && changes.undelivered(
            LeaseKey.of(event.getDelivery().getLease()), event.getDelivery().getRecords().size())) {
      tellPlanner();
    }
  }

  @Override
  public void callerIsReady() {
    if (handedBytes > 0) {
      long bytes = handedBytes;
      handedBytes = 0;
      if (changes.sent(bytes)) {
        tellPlanner();
      }
    }
  }

  @Override
  public void settle(Settle settle) {
    var receipt = new Receipt(settle);
    openSettles++;
    for (int i = 0; i < settle.getSettlementsCount(); i++) {
      Settlement settlement = settle.getSettlements(i);
      Optional<Refusal> refusal = ConsumeChecks.settlement(settlement);
      var decided = receipt.of(i);
      if (refusal.isPresent()) {
        decided.refused(refusal.get());
      } else {
        LeaseKey lease = LeaseKey.of(settlement.getLease());
        settles.add(
            lease,
            new Command.Settlement(
                kind(settlement), lease.id(), offsets(settlement), settlement.getMillis()),
            decided);
      }
    }
    settles.flush();
  }

  private static Command.SettlementKind kind(Settlement settlement) {
    return switch (settlement.getKind()) {
      case ACK -> Command.SettlementKind.ACK;
      case NACK -> Command.SettlementKind.NACK;
      case EXTEND -> Command.SettlementKind.EXTEND;
      case RELEASE -> Command.SettlementKind.RELEASE;
      case DEAD_LETTER -> Command.SettlementKind.DEAD_LETTER;
      case SETTLEMENT_KIND_UNSPECIFIED, UNRECOGNIZED ->
          throw new IllegalArgumentException("settlement kind was not checked");
    };
  }

  private static OffsetSet offsets(Settlement settlement) {
    if (settlement.getOffsetsCount() == 0) {
      return OffsetSet.EMPTY;
    }
    var offsets = new OffsetSet.Builder();
    for (OffsetRange range : settlement.getOffsetsList()) {
      offsets.add(range.getFirst(), range.getFirst() + range.getCount());
    }
    return offsets.build();
  }

  /** The results of one Settle, as they come. */
  private final class Receipt {
    private final Settle settle;
    private final SettleReceipt.Result[] results;
    private int open;

    Receipt(Settle settle) {
      this.settle = settle;
      this.results = new SettleReceipt.Result[settle.getSettlementsCount()];
      this.open = results.length;
    }

    SettleBatches.Decided of(int index) {
      Settlement settlement = settle.getSettlements(index);
      return new SettleBatches.Decided() {
        @Override
        public void by(Reply.SettledPart part) {
          LeaseKey lease = LeaseKey.of(settlement.getLease());
          var result =
              SettleReceipt.Result.newBuilder()
                  .setCode(part.messages() > 0 ? Code.OK : Code.LEASE_NOT_FOUND)
                  .setMessages(part.messages())
                  .setDeadlineMillis(part.deadlineMillis());
          part.lease()
              .filter(id -> !id.equals(lease.id()))
              .ifPresent(id -> result.setLease(lease.withId(id).toRef()));
          note(settlement, lease, part);
          set(index, result.build());
        }

        @Override
        public void refused(Refusal why) {
          set(index, SettleReceipt.Result.newBuilder().setCode(why.code()).build());
        }
      };
    }

    private void set(int index, SettleReceipt.Result result) {
      results[index] = result;
      if (--open == 0) {
        openSettles--;
        events.event(
            LocalConsumer.this,
            ConsumeResponse.newBuilder()
                .setReceipt(
                    SettleReceipt.newBuilder()
                        .setSequence(settle.getSequence())
                        .addAllResults(List.of(results)))
                .build());
        closeIfDone();
      }
    }
  }

  /** Lets the planner know what the client has no more, and what is called otherwise now. */
  private void note(Settlement settlement, LeaseKey lease, Reply.SettledPart part) {
    boolean whole = settlement.getOffsetsCount() == 0;
    boolean extended = settlement.getKind() == io.keelmq.v1.SettlementKind.EXTEND;
    if (!extended) {
      edge.stats().settledMessages.add(part.messages());
    }
    boolean isOver = whole && (!extended || part.messages() == 0);
    List<LeaseKey> divided =
        part.lease().filter(id -> !id.equals(lease.id())).map(lease::withId).stream().toList();
    var change =
        new ConsumerChanges.LeaseChange(
            lease,
            extended && divided.isEmpty() ? 0 : part.messages(),
            extended ? divided : List.of(),
            extended ? settlement.getMillis() : 0,
            isOver);
    if (changes.lease(change)) {
      tellPlanner();
    }
  }

  @Override
  public void closeConsumer() {
    closing = true;
    closeIfDone();
  }

  private void closeIfDone() {
    if (closing && openSettles == 0 && changes.close()) {
      tellPlanner();
    }
  }

  @Override
  public void abandon() {
    abandoned = true;
    settles.stop();
    changes.gone();
    tellPlanner();
  }
}
