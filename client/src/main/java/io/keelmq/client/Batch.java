package io.keelmq.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.keelmq.client.PendingMessage.Placing;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.Run;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/**
 * Messages that are stored together or not at all, grouped into runs of one queue each. Its bytes
 * never change. Owned by the loop.
 */
final class Batch {

  /** What {@link #sequence} is while the batch has none. */
  static final long UNNUMBERED = 0;

  private final List<PendingMessage> messages;
  private final List<List<PendingMessage>> runs;
  private final List<Run> wireRuns;
  private final int bytes;

  /** Its number in the line. Once given and written, it belongs to this content for ever. */
  long sequence = UNNUMBERED;

  /** How often it was written to a stream under its number. */
  int copies;

  private record RunKey(String topic, int queue) {}

  /**
   * @param messages in the order of their sending, at least one
   * @param queueOfBatch which queue of a message's topic takes those that have none yet
   */
  Batch(List<PendingMessage> messages, ToIntFunction<PendingMessage> queueOfBatch) {
    this.messages = messages;
    Map<RunKey, List<PendingMessage>> byQueue = new HashMap<>();
    var ordered = new ArrayList<List<PendingMessage>>();
    RunKey lastKey = null;
    List<PendingMessage> lastRun = null;
    for (PendingMessage message : messages) {
      if (message.queue == OutgoingMessage.NO_QUEUE) {
        message.queue = queueOfBatch.applyAsInt(message);
      }
      if (!message.placing.equals(Placing.AT_ONCE)) {
        // A run of its own: what waits is recalled and decided by run.
        ordered.add(List.of(message));
        continue;
      }
      if (lastKey == null
          || message.queue != lastKey.queue()
          || !message.topic.equals(lastKey.topic())) {
        lastKey = new RunKey(message.topic, message.queue);
        lastRun = byQueue.get(lastKey);
        if (lastRun == null) {
          lastRun = new ArrayList<>();
          byQueue.put(lastKey, lastRun);
          ordered.add(lastRun);
        }
      }
      lastRun.add(message);
    }
    runs = List.copyOf(ordered);
    var wire = new ArrayList<Run>(runs.size());
    int total = 0;
    for (List<PendingMessage> run : runs) {
      ByteString records = concatenated(run);
      total += records.size();
      wire.add(
          Run.newBuilder()
              .setTopic(run.get(0).topic)
              .setQueue(run.get(0).queue)
              .setCount(run.size())
              .setRecords(records)
              .setDeliverAtMillis(run.get(0).placing.deliverAtMillis())
              .setHalf(run.get(0).placing.half())
              .setFirstCheckMillis(run.get(0).placing.firstCheckMillis())
              .build());
    }
    wireRuns = wire;
    bytes = total;
  }

  List<PendingMessage> messages() {
    return messages;
  }

  /** In the order in which a receipt gives their offsets. */
  List<List<PendingMessage>> runs() {
    return runs;
  }

  int bytes() {
    return bytes;
  }

  /** True when nobody waits for any of its messages any more. */
  boolean isGivenUp() {
    // Deadlines rise with the order, so that the last is settled last.
    return messages.get(messages.size() - 1).settled
        && messages.stream().allMatch(message -> message.settled);
  }

  /** Messages that somebody waits for. */
  List<PendingMessage> unsettled() {
    return messages.stream().filter(message -> !message.settled).toList();
  }

  PublishRequest toRequest() {
    return PublishRequest.newBuilder()
        .setBatch(
            io.keelmq.v1.Batch.newBuilder().setSequence(sequence).addAllRuns(wireRuns).build())
        .build();
  }

  private static ByteString concatenated(List<PendingMessage> run) {
    if (run.size() == 1) {
      return UnsafeByteOperations.unsafeWrap(run.get(0).record);
    }
    int size = 0;
    for (PendingMessage message : run) {
      size += message.record.length;
    }
    byte[] all = new byte[size];
    int at = 0;
    for (PendingMessage message : run) {
      System.arraycopy(message.record, 0, all, at, message.record.length);
      at += message.record.length;
    }
    return UnsafeByteOperations.unsafeWrap(all);
  }
}
