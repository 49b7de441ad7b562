package io.keelmq.client.testing;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import io.keelmq.v1.Batch;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import io.keelmq.v1.Message;
import io.keelmq.v1.Run;
import io.keelmq.v1.TopicType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The state of a broker group as far as producers and readers see it: queues, and what it remembers
 * of producers. Strict: it notes every breach of the protocol. Thread-safe by its monitor.
 */
public final class FakeLog {

  static final int REMEMBERED_BATCHES = 64;

  private final Map<String, TreeMap<Integer, List<ByteString>>> topics = new HashMap<>();
  private final Map<String, Line> lines = new HashMap<>();
  private final Map<String, ByteString> contents = new HashMap<>();
  private final Map<String, Long> firstOffsets = new HashMap<>();
  private final List<String> breaches = new ArrayList<>();

  public final FakeHeld held = new FakeHeld(this);

  /** Types of topics that are not NORMAL. */
  public final Map<String, TopicType> types = new ConcurrentHashMap<>();

  /** Bodies that make their batch be rejected, as a limit would that only the broker knows. */
  public final Set<String> rejectedBodies = ConcurrentHashMap.newKeySet();

  private static final class Line {
    long epoch;
    long last;
    final Map<Long, BatchReceipt> receipts = new LinkedHashMap<>();
  }

  public synchronized void createTopic(String topic, int queues) {
    var made = new TreeMap<Integer, List<ByteString>>();
    for (int queue = 0; queue < queues; queue++) {
      made.put(queue, new ArrayList<>());
    }
    topics.put(topic, made);
  }

  public synchronized void deleteTopic(String topic) {
    topics.remove(topic);
  }

  public synchronized void forgetProducers() {
    lines.clear();
  }

  public synchronized List<String> breaches() {
    return List.copyOf(breaches);
  }

  public synchronized int queues(String topic) {
    return topics.containsKey(topic) ? topics.get(topic).size() : 0;
  }

  public synchronized Set<String> topics() {
    return Set.copyOf(topics.keySet());
  }

  public synchronized long end(String topic, int queue) {
    return topics.get(topic).get(queue).size();
  }

  public synchronized long first(String topic, int queue) {
    return firstOffsets.getOrDefault(topic + "/" + queue, 0L);
  }

  public synchronized void trim(String topic, int queue, long firstOffset) {
    firstOffsets.put(topic + "/" + queue, firstOffset);
  }

  public synchronized ByteString record(String topic, int queue, long offset) {
    return topics.get(topic).get(queue).get((int) offset);
  }

  /** Bodies of a queue in the order of their offsets. */
  public synchronized List<String> bodies(String topic, int queue) {
    return topics.get(topic).get(queue).stream().map(record -> body(record)).toList();
  }

  public synchronized List<String> allBodies(String topic) {
    var all = new ArrayList<String>();
    topics.get(topic).keySet().forEach(queue -> all.addAll(bodies(topic, queue)));
    return all;
  }

  public synchronized long lastSequence(String producerId, long epoch) {
    Line line = lines.get(producerId);
    return line == null || line.epoch != epoch ? 0 : line.last;
  }

  /** Applies a batch as the replicated state machine would. */
  public synchronized BatchReceipt apply(String producerId, long epoch, Batch batch) {
    String number = producerId + "/" + epoch + "/" + batch.getSequence();
    ByteString bytes = batch.toByteString();
    ByteString before = contents.putIfAbsent(number, bytes);
    if (before != null && !before.equals(bytes)) {
      breaches.add(number + " came with other content");
    }
    Line line = lines.get(producerId);
    if (line == null || epoch > line.epoch) {
      if (batch.getSequence() != 1) {
        return refusal(batch, line == null ? Code.PRODUCER_UNKNOWN : Code.SEQUENCE_GAP);
      }
    } else if (epoch < line.epoch) {
      return refusal(batch, Code.PRODUCER_FENCED);
    } else if (batch.getSequence() <= line.last) {
      BatchReceipt known = line.receipts.get(batch.getSequence());
      return known == null
          ? refusal(batch, Code.SEQUENCE_TOO_OLD)
          : known.toBuilder().setDuplicate(true).build();
    } else if (batch.getSequence() != line.last + 1) {
      return refusal(batch, Code.SEQUENCE_GAP);
    }
    Code wrong = check(batch);
    if (wrong != Code.OK) {
      return refusal(batch, wrong);
    }
    if (line == null || epoch > line.epoch) {
      line = new Line();
      line.epoch = epoch;
      lines.put(producerId, line);
    }
    var receipt = BatchReceipt.newBuilder().setSequence(batch.getSequence()).setCode(Code.OK);
    boolean anyWaits = batch.getRunsList().stream().anyMatch(FakeLog::waits);
    for (Run run : batch.getRunsList()) {
      receipt.addFirstOffsets(waits(run) ? -1 : append(run));
      if (anyWaits) {
        receipt.addHeldIds(waits(run) ? held.hold(run) : "");
      }
    }
    line.last = batch.getSequence();
    line.receipts.put(batch.getSequence(), receipt.build());
    line.receipts.remove(batch.getSequence() - REMEMBERED_BATCHES);
    return receipt.build();
  }

  private static boolean waits(Run run) {
    return run.getHalf() || run.getDeliverAtMillis() > 0;
  }

  /** The offset of the first. */
  synchronized long append(Run run) {
    List<ByteString> queue = topics.get(run.getTopic()).get(run.getQueue());
    long first = queue.size();
    queue.addAll(records(run));
    return first;
  }

  public static BatchReceipt refusal(Batch batch, Code code) {
    return BatchReceipt.newBuilder()
        .setSequence(batch.getSequence())
        .setCode(code)
        .setMessage("refused by the fake")
        .build();
  }

  private Code check(Batch batch) {
    for (Run run : batch.getRunsList()) {
      if (!topics.containsKey(run.getTopic())) {
        return Code.TOPIC_NOT_FOUND;
      }
      if (!topics.get(run.getTopic()).containsKey(run.getQueue())) {
        return Code.QUEUE_NOT_FOUND;
      }
      List<ByteString> records = records(run);
      if (records.size() != run.getCount()) {
        breaches.add("run of " + records.size() + " says " + run.getCount());
      }
      if (records.stream().anyMatch(record -> rejectedBodies.contains(body(record)))) {
        return Code.MESSAGE_PROPERTIES_TOO_LARGE;
      }
    }
    return Code.OK;
  }

  private static List<ByteString> records(Run run) {
    var records = new ArrayList<ByteString>();
    try {
      CodedInputStream in = run.getRecords().newCodedInput();
      while (!in.isAtEnd()) {
        records.add(in.readBytes());
      }
    } catch (IOException e) {
      throw new AssertionError("records are not delimited messages", e);
    }
    return records;
  }

  static String body(ByteString record) {
    try {
      return Message.parseFrom(record).getBody().toStringUtf8();
    } catch (IOException e) {
      throw new AssertionError("a record is no message", e);
    }
  }
}
