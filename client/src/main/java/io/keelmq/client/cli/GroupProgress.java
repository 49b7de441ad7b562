package io.keelmq.client.cli;

import io.keelmq.common.Json;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.QueueProgress;
import java.util.List;

/** How far a consumer group has come in its queues, for people and for programs. */
final class GroupProgress {

  private GroupProgress() {}

  /**
   * Messages that are not consumed. Of a lease group, those before its cursor are counted one by
   * one: between its oldest one and the cursor most may be done.
   */
  static long lag(ConsumerGroupDescription group, QueueProgress queue) {
    return isLease(group)
        ? Math.max(0, queue.getEndOffset() - queue.getCursorOffset())
            + queue.getLeased()
            + queue.getReady()
            + queue.getBlocked()
        : Math.max(0, queue.getEndOffset() - queue.getCommittedOffset());
  }

  static Table table(ConsumerGroupDescription group, List<QueueProgress> queues) {
    if (!isLease(group)) {
      var table = new Table("TOPIC", "QUEUE", "COMMITTED", "END", "LAG", "EPOCH");
      for (QueueProgress queue : queues) {
        table.row(
            queue.getTopic(),
            queue.getQueue(),
            queue.getCommittedOffset(),
            queue.getEndOffset(),
            lag(group, queue),
            queue.getEpoch());
      }
      return table;
    }
    var table =
        new Table(
            "TOPIC", "QUEUE", "COMMITTED", "CURSOR", "END", "LAG", "LEASED", "READY", "BLOCKED");
    for (QueueProgress queue : queues) {
      table.row(
          queue.getTopic(),
          queue.getQueue(),
          queue.getCommittedOffset(),
          queue.getCursorOffset(),
          queue.getEndOffset(),
          lag(group, queue),
          queue.getLeased(),
          queue.getReady(),
          queue.getBlocked());
    }
    return table;
  }

  /** Adds the queues to an object. */
  static Json queues(Json to, ConsumerGroupDescription group, List<QueueProgress> queues) {
    return to.putObjects("queues", queues.stream().map(queue -> toJson(group, queue)).toList());
  }

  private static Json toJson(ConsumerGroupDescription group, QueueProgress queue) {
    var json =
        new Json()
            .put("topic", queue.getTopic())
            .put("queue", queue.getQueue())
            .put("committed_offset", queue.getCommittedOffset())
            .put("end_offset", queue.getEndOffset())
            .put("lag", lag(group, queue))
            .put("epoch", queue.getEpoch());
    return isLease(group)
        ? json.put("cursor_offset", queue.getCursorOffset())
            .put("leased", queue.getLeased())
            .put("ready", queue.getReady())
            .put("blocked", queue.getBlocked())
        : json.putNull("cursor_offset").putNull("leased").putNull("ready").putNull("blocked");
  }

  private static boolean isLease(ConsumerGroupDescription group) {
    return group.getConsumerGroup().getKind() == ConsumerGroupKind.LEASE;
  }
}
