package io.keelmq.broker.api;

import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.Names;
import io.keelmq.v1.Batch;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.QueueOffset;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.Run;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicType;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/**
 * The limits of {@code keelmq.v1}, each with its code. What depends on the state (does the topic
 * exist?) is not judged here. Stateless.
 */
final class RequestChecks {

  static final int MAX_BATCH_RECORD_BYTES = 8 << 20;

  /** Topics whose half messages one producer answers for. */
  static final int MAX_CHECK_TOPICS = 256;

  /** Messages in one answer to ListHeld. */
  static final int MAX_HELD_LISTED = 1_000;

  private static final Optional<Refusal> FINE = Optional.empty();

  private RequestChecks() {}

  static Optional<Refusal> open(OpenProducer open) {
    if (!Names.isPrintable(open.getProducerId(), Limits.MAX_PRODUCER_ID)) {
      return refuse(
          Code.INVALID_ARGUMENT,
          "producer_id: expected 1 to " + Limits.MAX_PRODUCER_ID + " printable ASCII characters");
    }
    if (open.getEpoch() < 0) {
      return refuse(
          Code.INVALID_ARGUMENT, "epoch " + open.getEpoch() + " is negative: expected 0 or more");
    }
    if (open.getCheckTopicsCount() > MAX_CHECK_TOPICS) {
      return refuse(
          Code.INVALID_ARGUMENT,
          open.getCheckTopicsCount() + " check topics: expected at most " + MAX_CHECK_TOPICS);
    }
    for (String topic : open.getCheckTopicsList()) {
      Optional<Refusal> refusal = topic(topic);
      if (refusal.isPresent()) {
        return refusal;
      }
    }
    return FINE;
  }

  static Optional<Refusal> batch(Batch batch) {
    if (batch.getSequence() < 1) {
      return refuse(
          Code.INVALID_ARGUMENT,
          "sequence " + batch.getSequence() + ": a producer's first batch is 1");
    }
    int runs = batch.getRunsCount();
    if (runs < 1 || runs > Limits.MAX_RUNS) {
      return refuse(
          Code.INVALID_ARGUMENT, "expected 1 to " + Limits.MAX_RUNS + " runs, found " + runs);
    }
    long messages = 0;
    long bytes = 0;
    for (int i = 0; i < runs; i++) {
      messages += batch.getRuns(i).getCount();
      bytes += batch.getRuns(i).getRecords().size();
    }
    if (messages > Limits.MAX_MESSAGES) {
      return refuse(
          Code.INVALID_ARGUMENT,
          "the batch has " + messages + " messages, at most " + Limits.MAX_MESSAGES);
    }
    if (bytes > MAX_BATCH_RECORD_BYTES) {
      return refuse(
          Code.INVALID_ARGUMENT,
          "the batch has " + bytes + " bytes of records, at most " + MAX_BATCH_RECORD_BYTES);
    }
    for (int i = 0; i < runs; i++) {
      Optional<Refusal> refusal = run(batch.getRuns(i));
      if (refusal.isPresent()) {
        int run = i;
        return refusal.map(why -> new Refusal(why.code(), "run " + run + ": " + why.message()));
      }
    }
    return FINE;
  }

  private static Optional<Refusal> run(Run run) {
    Optional<Refusal> refusal = topic(run.getTopic());
    if (refusal.isPresent()) {
      return refusal;
    }
    if (run.getQueue() < 0) {
      return refuse(Code.QUEUE_NOT_FOUND, "queue " + run.getQueue() + ": queues start at 0");
    }
    if (run.getCount() < 1) {
      return refuse(
          Code.INVALID_ARGUMENT, "count " + run.getCount() + ": a run has one message or more");
    }
    refusal = placing(run.getDeliverAtMillis(), run.getHalf(), run.getFirstCheckMillis());
    if (refusal.isPresent()) {
      return refusal;
    }
    return RecordScan.check(run.getRecords(), run.getCount());
  }

  /**
   * @param message the serialized message of the request
   */
  static Optional<Refusal> send(SendRequest request, byte[] message) {
    int clientIdBytes = request.getClientId().getBytes(StandardCharsets.UTF_8).length;
    if (clientIdBytes < 1 || clientIdBytes > Limits.MAX_CLIENT_ID) {
      return refuse(
          Code.INVALID_ARGUMENT,
          "client_id has "
              + clientIdBytes
              + " bytes: expected 1 to "
              + Limits.MAX_CLIENT_ID
              + ", the same over retries");
    }
    Optional<Refusal> refusal = topic(request.getTopic());
    if (refusal.isPresent()) {
      return refusal;
    }
    if (request.hasQueue() && request.getQueue() < 0) {
      return refuse(Code.QUEUE_NOT_FOUND, "queue " + request.getQueue() + ": queues start at 0");
    }
    return placing(request.getDeliverAtMillis(), request.getHalf(), request.getFirstCheckMillis())
        .or(() -> RecordScan.checkMessage(message));
  }

  /** When messages get their places. How far ahead that may be, log time decides. */
  private static Optional<Refusal> placing(
      long deliverAtMillis, boolean half, long firstCheckMillis) {
    if (deliverAtMillis < 0) {
      return refuse(
          Code.ILLEGAL_DELIVERY_TIME,
          "deliver_at_millis " + deliverAtMillis + ": expected milliseconds since 1970");
    }
    if (deliverAtMillis != 0 && half) {
      return refuse(
          Code.INVALID_ARGUMENT, "a message is delayed or half, not both: send it as one of them");
    }
    if (firstCheckMillis != 0 && !half) {
      return refuse(
          Code.INVALID_ARGUMENT, "first_check_millis is for half messages, and this is none");
    }
    return firstCheckMillis >= 0 && firstCheckMillis <= Limits.MAX_FIRST_CHECK_MILLIS
        ? FINE
        : refuse(
            Code.INVALID_ARGUMENT,
            "first_check_millis "
                + firstCheckMillis
                + ": expected 0 (the default) to "
                + Limits.MAX_FIRST_CHECK_MILLIS);
  }

  static Optional<Refusal> held(String topic, String heldId) {
    Optional<Refusal> refusal = topic(topic);
    if (refusal.isPresent()) {
      return refusal;
    }
    return HeldId.parse(heldId).isPresent()
        ? FINE
        : refuse(
            Code.INVALID_ARGUMENT,
            "held_id \"" + shown(heldId) + "\": expected one that a receipt gave, as 123-45");
  }

  static Optional<Refusal> listHeld(ListHeldRequest request) {
    if (request.getMax() < 0 || request.getMax() > MAX_HELD_LISTED) {
      return refuse(
          Code.INVALID_ARGUMENT, "max " + request.getMax() + ": expected 0 to " + MAX_HELD_LISTED);
    }
    return request.getAfterHeldId().isEmpty()
        ? topic(request.getTopic())
        : held(request.getTopic(), request.getAfterHeldId());
  }

  static Optional<Refusal> read(ReadRequest request) {
    Optional<Refusal> refusal = topic(request.getTopic());
    if (refusal.isPresent()) {
      return refusal;
    }
    if (request.getQueuesCount() > Limits.MAX_QUEUES) {
      return refuse(
          Code.INVALID_ARGUMENT,
          request.getQueuesCount() + " queues, a topic has at most " + Limits.MAX_QUEUES);
    }
    var seen = new HashSet<Integer>();
    for (var queue : request.getQueuesList()) {
      if (!seen.add(queue.getQueue())) {
        return refuse(Code.INVALID_ARGUMENT, "queue " + queue.getQueue() + " is named twice");
      }
      refusal = from(queue.getFrom());
      if (refusal.isPresent()) {
        return refusal;
      }
    }
    return from(request.getFrom());
  }

  static Optional<Refusal> from(ReadFrom from) {
    if (from.hasOffset() && from.getOffset() < 0) {
      return refuse(
          Code.ILLEGAL_OFFSET, "offset " + from.getOffset() + " is negative: offsets start at 0");
    }
    if (from.hasTimeMillis() && from.getTimeMillis() < 0) {
      return refuse(
          Code.INVALID_ARGUMENT,
          "time " + from.getTimeMillis() + ": expected milliseconds since 1970");
    }
    return FINE;
  }

  static Optional<Refusal> topic(String name) {
    return Names.isTopic(name)
        ? FINE
        : refuse(
            Code.ILLEGAL_TOPIC,
            "\"" + shown(name) + "\" is no topic name: expected ^[%a-zA-Z0-9_-]{1,127}$");
  }

  static Optional<Refusal> consumerGroup(String name) {
    return Names.isConsumerGroup(name)
        ? FINE
        : refuse(
            Code.ILLEGAL_CONSUMER_GROUP,
            "\"" + shown(name) + "\" is no consumer group name: expected ^[%a-zA-Z0-9_-]{1,120}$");
  }

  /**
   * @param sizes whether the group understands retention by size
   */
  static Optional<Refusal> newTopic(Topic topic, boolean sizes) {
    Optional<Refusal> refusal = topic(topic.getTopic());
    if (refusal.isPresent()) {
      return refusal;
    }
    if (topic.getType() == TopicType.UNRECOGNIZED) {
      return refuse(
          Code.INVALID_ARGUMENT, "topic type " + topic.getTypeValue() + " is not known here");
    }
    // 0 stands for the default.
    if (topic.getQueues() != 0) {
      refusal = queues(topic.getQueues());
    }
    return refusal
        .or(() -> retention(topic.getRetentionMillis()))
        .or(
            () ->
                topic.getRetentionBytes() == 0
                    ? FINE
                    : retentionBytes(topic.getRetentionBytes(), sizes));
  }

  static Optional<Refusal> queues(int queues) {
    return queues >= 1 && queues <= Limits.MAX_QUEUES
        ? FINE
        : refuse(Code.INVALID_ARGUMENT, queues + " queues: expected 1 to " + Limits.MAX_QUEUES);
  }

  static Optional<Refusal> retention(long retentionMillis) {
    return retentionMillis >= 0 && retentionMillis <= Limits.MAX_RETENTION_MILLIS
        ? FINE
        : refuse(
            Code.INVALID_ARGUMENT,
            "retention of "
                + retentionMillis
                + " ms: expected 0 (for ever) to "
                + Limits.MAX_RETENTION_MILLIS);
  }

  /**
   * @param understood whether the group understands retention by size
   */
  static Optional<Refusal> retentionBytes(long retentionBytes, boolean understood) {
    if (!understood) {
      return refuse(
          Code.PRECONDITION_FAILED,
          "retention by size is not understood by all replicas of the group yet: upgrade them all");
    }
    return retentionBytes >= 0 && retentionBytes <= Limits.MAX_RETENTION_BYTES
        ? FINE
        : refuse(
            Code.INVALID_ARGUMENT,
            "retention of "
                + retentionBytes
                + " bytes a queue: expected 0 (any number) to "
                + Limits.MAX_RETENTION_BYTES);
  }

  static Optional<Refusal> kind(ConsumerGroupKind kind) {
    return kind != ConsumerGroupKind.UNRECOGNIZED
        ? FINE
        : refuse(Code.INVALID_ARGUMENT, "the kind of the consumer group is not known here");
  }

  static Optional<Refusal> offsets(List<QueueOffset> offsets) {
    if (offsets.isEmpty() || offsets.size() > Limits.MAX_QUEUES) {
      return refuse(
          Code.INVALID_ARGUMENT,
          "expected offsets of 1 to " + Limits.MAX_QUEUES + " queues, found " + offsets.size());
    }
    var seen = new HashSet<Integer>();
    for (QueueOffset offset : offsets) {
      if (offset.getOffset() < 0) {
        return refuse(
            Code.ILLEGAL_OFFSET,
            "offset " + offset.getOffset() + " is negative: offsets start at 0");
      }
      if (!seen.add(offset.getQueue())) {
        return refuse(Code.INVALID_ARGUMENT, "queue " + offset.getQueue() + " is named twice");
      }
    }
    return FINE;
  }

  /** Input in an error message: enough to recognize it, never all of it. */
  private static String shown(String text) {
    String part = text.length() > 140 ? text.substring(0, 140) + "..." : text;
    return part.replaceAll("\\p{Cntrl}", "?");
  }

  private static Optional<Refusal> refuse(Code code, String message) {
    return Optional.of(new Refusal(code, message));
  }
}
