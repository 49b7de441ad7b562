package io.keelmq.broker.state.testing;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Outcome;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A story about one queue ("orders", 0) and one consumer group ("billing"): what a planner grants
 * and consumers settle, in as few words as can be.
 */
public final class LeaseScript {

  public static final String TOPIC = "orders";
  public static final String GROUP = "billing";
  public static final long INVISIBLE_MILLIS = 30_000;

  public final StateScript script;
  private final Map<Long, Long> messageGroups = new HashMap<>();
  private long sequence;
  private Outcome last;

  public LeaseScript(boolean fifo, int maxAttempts) {
    this(new StateScript(), fifo, maxAttempts);
  }

  public LeaseScript(StateScript script, boolean fifo, int maxAttempts) {
    this.script = script;
    script.topic(TOPIC, 1);
    apply(
        new Command.CreateConsumerGroup(
            GROUP, new GroupSettings(GroupKind.LEASE, fifo, maxAttempts, false)));
    apply(new Command.SubscribeGroup(GROUP, TOPIC));
  }

  public LeaseScript at(long millis) {
    script.at(millis);
    return this;
  }

  public Reply apply(Command command) {
    last = script.outcome(Optional.empty(), command);
    return last.reply();
  }

  /** Of the last command. */
  public Outcome outcome() {
    return last;
  }

  /** Stores messages, each of a message group (0: none). */
  public void send(long... groups) {
    long first = end();
    apply(StateScript.batch("p", ++sequence, StateScript.run(TOPIC, 0, groups.length)));
    for (int i = 0; i < groups.length; i++) {
      messageGroups.put(first + i, groups[i]);
    }
  }

  /** Stores messages without a message group, in one run. */
  public void sendPlain(int count) {
    send(new long[count]);
  }

  /** Grants all from the cursor to {@code toOffset}, as a planner that wants all of it. */
  public List<Reply.Lease> grantTo(long toOffset) {
    return grantFrom(cursor().nextOffset(), toOffset);
  }

  public List<Reply.Lease> grantFrom(long fromOffset, long toOffset) {
    return grant(
        new Command.FromCursor(
            fromOffset,
            toOffset,
            fromOffset < toOffset
                ? candidates(OffsetSet.range(fromOffset, (int) (toOffset - fromOffset)))
                : List.of()));
  }

  /** Grants what waits to be delivered again, all of it. */
  public List<Reply.Lease> grantReady() {
    var grants = new ArrayList<Command.Grant>();
    for (StateView.Batch batch : ready()) {
      grants.add(new Command.FromReady(batch.id(), candidates(batch.offsets()), OffsetSet.EMPTY));
    }
    return grant(grants.toArray(new Command.Grant[0]));
  }

  public List<Reply.Lease> grant(Command.Grant... grants) {
    return StateScript.expect(
            Reply.Leased.class,
            apply(
                new Command.GrantLeases(
                    GROUP,
                    TOPIC,
                    0,
                    cursor().generation(),
                    "client",
                    "",
                    INVISIBLE_MILLIS,
                    List.of(grants))))
        .leases();
  }

  /** Offsets by message group, in the order in which the groups are met. */
  public List<Candidates> candidates(OffsetSet offsets) {
    var byGroup = new LinkedHashMap<Long, OffsetSet>();
    offsets.forEach(
        offset ->
            byGroup.merge(
                messageGroups.getOrDefault(offset, 0L), OffsetSet.of(offset), OffsetSet::plus));
    return byGroup.entrySet().stream()
        .map(entry -> new Candidates(entry.getKey(), entry.getValue()))
        .toList();
  }

  /** How many messages were decided. */
  public int ack(LeaseId lease, long... offsets) {
    return settle(SettlementKind.ACK, lease, 0, offsets).messages();
  }

  public int nack(LeaseId lease, long millis, long... offsets) {
    return settle(SettlementKind.NACK, lease, millis, offsets).messages();
  }

  public int release(LeaseId lease, long... offsets) {
    return settle(SettlementKind.RELEASE, lease, 0, offsets).messages();
  }

  public int deadLetter(LeaseId lease, long... offsets) {
    return settle(SettlementKind.DEAD_LETTER, lease, 0, offsets).messages();
  }

  public Reply.SettledPart extend(LeaseId lease, long millis, long... offsets) {
    return settle(SettlementKind.EXTEND, lease, millis, offsets);
  }

  public Reply.SettledPart settle(
      SettlementKind kind, LeaseId lease, long millis, long... offsets) {
    return StateScript.expect(
            Reply.Settled.class,
            apply(
                new Command.SettleLeases(
                    GROUP,
                    TOPIC,
                    0,
                    cursor().generation(),
                    List.of(new Settlement(kind, lease, OffsetSet.of(offsets), millis)))))
        .parts()
        .get(0);
  }

  public void advanceTime() {
    apply(new Command.AdvanceTime());
  }

  public void seek(long offset) {
    apply(new Command.SeekOffsets(GROUP, TOPIC, List.of(new Command.QueueOffset(0, offset))));
  }

  public long topicId() {
    return script.view.topic(TOPIC).orElseThrow().id();
  }

  public long groupId() {
    return script.view.consumerGroup(GROUP).orElseThrow().id();
  }

  public StateView.Cursor cursor() {
    return script.view.cursor(groupId(), topicId(), 0).orElseThrow();
  }

  public List<StateView.Batch> ready() {
    return script.view.ready(groupId(), topicId(), 0, 0, 1_000);
  }

  public List<StateView.Batch> leased() {
    return script.view.leased(groupId(), topicId(), 0, Optional.empty(), 1_000);
  }

  public long lowestOutstanding() {
    return script.view.lowestOutstanding(groupId(), topicId(), 0);
  }

  public long end() {
    return script.view.bounds(topicId(), 0).endOffset();
  }

  /** The end of the dead letter queue; 0 without one. */
  public long deadLetters() {
    return script
        .view
        .topic("%DLQ%" + GROUP)
        .map(topic -> script.view.bounds(topic.id(), 0).endOffset())
        .orElse(0L);
  }
}
