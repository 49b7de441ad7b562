package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads;
import io.keelmq.broker.state.testing.StateScript;
import io.keelmq.v1.Message;
import io.keelmq.v1.OpenConsumer;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PlannedQueueTest {

  private static final long RETENTION_MILLIS = 10_000;

  private final StateScript script = new StateScript();
  private final Map<Long, ByteBuffer> entries = new HashMap<>();
  private final PlannedQueue queue = new PlannedQueue(0);
  private int sent;

  private void prepare(boolean fifo) {
    script.topic("t", 1, RETENTION_MILLIS);
    script.apply(
        new Command.CreateConsumerGroup("g", new GroupSettings(GroupKind.LEASE, fifo, 17, false)));
    script.apply(new Command.SubscribeGroup("g", "t"));
  }

  /** Stores messages in one run, at the beginning of its entry. */
  private void send(String messageGroup, int count) {
    ByteString records =
        ApiCluster.records(
            List.of(Message.newBuilder().setTag("red").setMessageGroup(messageGroup).build()));
    ByteString all = ByteString.EMPTY;
    for (int i = 0; i < count; i++) {
      all = all.concat(records);
    }
    script.apply(
        StateScript.batch("p", ++sent, new Command.Run("t", 0, count, 0, all.size(), List.of())));
    entries.put(script.view.applied().index(), all.asReadOnlyByteBuffer());
  }

  private Planning planning(StateView state, boolean fifo) {
    return new Planning(
        state,
        group(),
        topic(),
        fifo,
        new RecordSource(index -> Optional.ofNullable(entries.get(index))),
        new RecordHead());
  }

  private long group() {
    return script.view.consumerGroup("g").orElseThrow().id();
  }

  private long topic() {
    return script.view.topic("t").orElseThrow().id();
  }

  private static Attachment consumer(String tags) {
    return Attachment.stream(
        null,
        new ConsumerChanges(),
        OpenConsumer.newBuilder()
            .setClientId("c")
            .setConsumerGroup("g")
            .setTopic("t")
            .setTags(tags)
            .build());
  }

  private Optional<GrantPlan> plan(Planning in, String tags) {
    return assertTimeoutPreemptively(
        Duration.ofSeconds(30), () -> queue.plan(in, consumer(tags), 64, 1 << 20));
  }

  private Reply.Leased grant(GrantPlan plan) {
    return StateScript.expect(
        Reply.Leased.class,
        script.apply(
            new Command.GrantLeases(
                "g", "t", 0, plan.generation(), "c", "", 30_000, plan.grants())));
  }

  /** Rows from which retention takes all, behind the back of whoever reads, at a first run. */
  private StateView trimmedMeanwhile() {
    TableReads rows = script.tables;
    var reads =
        new TableReads() {
          private boolean trimmed;

          private void trim(Table table) {
            if (table == Table.RUNS && !trimmed) {
              trimmed = true;
              script.at(3 * RETENTION_MILLIS).apply(new Command.AdvanceTime());
            }
          }

          @Override
          public Optional<byte[]> get(Table table, byte[] key) {
            return rows.get(table, key);
          }

          @Override
          public Optional<Row> floor(Table table, byte[] key) {
            trim(table);
            return rows.floor(table, key);
          }

          @Override
          public List<Row> range(Table table, byte[] from, byte[] to, int limit) {
            trim(table);
            return rows.range(table, from, to, limit);
          }
        };
    return new StateView(reads);
  }

  private void retentionComesInBetween(String tags) {
    prepare(false);
    send("", 3);
    Planning now = planning(script.view, false);
    GrantPlan first = plan(now, tags).orElseThrow();
    Reply.Lease lease = grant(first).leases().get(0);
    assertEquals(0, queue.ended(first, 3, true));
    script.apply(
        new Command.SettleLeases(
            "g",
            "t",
            0,
            0,
            List.of(
                new Command.Settlement(
                    Command.SettlementKind.NACK, lease.id(), OffsetSet.EMPTY, 0))));
    queue.lookForReady(0);

    Optional<GrantPlan> nothing = plan(planning(trimmedMeanwhile(), false), tags);

    assertEquals(Optional.empty(), nothing);
    assertTrue(queue.hasMore());
    GrantPlan dropped = plan(now, tags).orElseThrow();
    assertEquals(0, dropped.messages());
    assertEquals(List.of(), grant(dropped).leases());
    assertEquals(0, script.view.cursor(group(), topic(), 0).orElseThrow().batches());
  }

  @Test
  void letsGoOfAReadyBatchThatRetentionTakesWhileItIsPlanned() {
    retentionComesInBetween("");
  }

  @Test
  void theSameWhereAFilterLooksIntoTheRecords() {
    retentionComesInBetween("red");
  }

  @Test
  void plansAgainWhereAGrantThatWasToLeaseNothingCameToNothing() {
    prepare(true);
    send("a", 2);
    Planning in = planning(script.view, true);
    GrantPlan first = plan(in, "").orElseThrow();
    assertEquals(2, first.messages());
    assertEquals(1, grant(first).leases().size());
    queue.ended(first, 2, true);
    send("a", 3);
    GrantPlan blocked = plan(in, "").orElseThrow();
    assertEquals(0, blocked.messages(), "they wait behind the first two");

    // It is judged when the group has too much out, or behind one that was lost.
    queue.ended(blocked, 0, true);

    GrantPlan again = plan(in, "").orElseThrow();
    assertEquals(blocked.grants(), again.grants());
    assertEquals(List.of(), grant(again).leases());
    queue.ended(again, 0, true);
    assertEquals(3, script.view.cursor(group(), topic(), 0).orElseThrow().blocked());
    assertEquals(Optional.empty(), plan(in, ""));
  }
}
