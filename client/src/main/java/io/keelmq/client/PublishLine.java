package io.keelmq.client;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.UnsafeByteOperations;
import io.keelmq.client.PendingMessage.Placing;
import io.keelmq.v1.Code;
import io.keelmq.v1.Message;
import io.keelmq.v1.TopicRoute;
import io.keelmq.v1.TopicType;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The sender's half of a {@link Producer}: checks, routes and serializes messages in the caller's
 * thread and hands them to the session of their group. Thread-safe.
 */
final class PublishLine {

  private final ClientCore core;
  private final Producer.Builder options;
  private final BufferBudget budget;
  private final ProducerCounters counters;
  private final Map<String, PublishSession> sessions = new ConcurrentHashMap<>();
  private final String producerId = ProducerIds.random();
  private final String idPrefix = producerId.substring(0, 16) + "-";
  private final AtomicLong idSequence = new AtomicLong();
  private final long maxBlockNanos;
  private final long deliveryNanos;
  private final HeldMessages held;
  private final Optional<CheckDesk> checks;
  private volatile boolean closed;

  PublishLine(ClientCore core, Producer.Builder options) {
    this.core = core;
    this.options = options;
    budget = new BufferBudget(options.bufferBytes);
    counters = new ProducerCounters(budget);
    maxBlockNanos = options.maxBlock.toNanos();
    deliveryNanos = options.deliveryTimeout.toNanos();
    held = new HeldMessages(core, options.deliveryTimeout);
    checks =
        options.checkListener == null
            ? Optional.empty()
            : Optional.of(new CheckDesk(options.checkTopics, options.checkListener, held));
  }

  /**
   * @param half to wait for its transaction
   */
  CompletableFuture<Receipt> send(OutgoingMessage message, boolean half) {
    checkOpen();
    MessageChecks.check(message, half);
    RouteTable.TopicPlace place = core.topics().find(message, options.maxBlock);
    TopicRoute topic = place.route();
    String id = message.messageId();
    if (id.isEmpty()) {
      id = idPrefix + Long.toString(idSequence.incrementAndGet(), Character.MAX_RADIX);
    }
    long born = message.bornTimeMillis() != 0 ? message.bornTimeMillis() : core.clock().millis();
    byte[] record = encode(message, id, born);
    takeRoom(record.length);
    var pending =
        new PendingMessage(
            topic.getTopic(),
            queueOf(message, topic),
            topic.getQueues(),
            id,
            record,
            core.loop().nanoTime() + deliveryNanos,
            placing(message, half));
    counters.acceptedMessages.increment();
    session(place.group()).add(pending);
    if (closed) {
      // It may have slipped in behind the closing, where nobody settles it any more.
      pending.result.completeExceptionally(
          new OutcomeUnknown(Code.OUTCOME_UNKNOWN, "the producer was closed while it sent"));
    }
    return pending.result;
  }

  private Placing placing(OutgoingMessage message, boolean half) {
    long deliverAtMillis = message.deliverAtMillis(core.clock().millis());
    return half || deliverAtMillis != 0
        ? new Placing(deliverAtMillis, half, half ? message.firstCheckMillis() : 0)
        : Placing.AT_ONCE;
  }

  Receipt sendSync(OutgoingMessage message, boolean half) {
    return core.calls().join(send(message, half), options.deliveryTimeout);
  }

  HeldMessages held() {
    return held;
  }

  /** Opens a stream to each group that holds one of the topics whose checks are answered. */
  void start() {
    for (String topic : checks.map(CheckDesk::topics).orElse(Set.of())) {
      PublishSession session = session(core.topics().find(topic, options.maxBlock).group());
      core.loop().execute(() -> session.answerChecks(checks.get()));
    }
  }

  boolean flush(Duration timeout) {
    if (core.loop().isCurrent()) {
      throw new IllegalStateException("flush from a callback of this client would wait for itself");
    }
    var found = new CompletableFuture<List<PendingMessage>>();
    core.loop()
        .execute(
            () -> {
              var all = new ArrayList<PendingMessage>();
              sessions.values().forEach(session -> all.addAll(session.unsettled()));
              found.complete(all);
            });
    long deadline = core.loop().nanoTime() + timeout.toNanos();
    try {
      List<PendingMessage> all = found.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      for (PendingMessage message : all) {
        try {
          message.result.get(deadline - core.loop().nanoTime(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
          // Its sender learns of it; settled it is.
        }
      }
      return true;
    } catch (TimeoutException | ExecutionException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  ProducerStats stats() {
    return counters.stats();
  }

  String producerId() {
    return producerId;
  }

  void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (!core.isClosed() && !core.loop().isCurrent()) {
      flush(options.deliveryTimeout);
    }
    abort("the producer was closed");
    core.forget(this);
  }

  /** Fails at once what is not settled. */
  void abort(String reason) {
    closed = true;
    budget.close();
    checks.ifPresent(CheckDesk::close);
    core.loop()
        .execute(() -> sessions.values().forEach(session -> session.close(counters, reason)));
  }

  private void checkOpen() {
    if (closed) {
      throw new ClientClosed(Code.SHUTTING_DOWN, "the producer is closed");
    }
  }

  private PublishSession session(String group) {
    PublishSession known = sessions.get(group);
    if (known != null) {
      return known;
    }
    return sessions.computeIfAbsent(
        group, name -> new PublishSession(name, core, options, counters, counters));
  }

  private void takeRoom(int bytes) {
    try {
      // A callback on the loop waits for nobody: it is the loop that makes room.
      if (budget.take(bytes, core.loop().isCurrent() ? 0 : maxBlockNanos)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Overloaded(Code.TOO_MANY_REQUESTS, "interrupted while waiting for room", e);
    }
    checkOpen();
    throw new Overloaded(
        Code.TOO_MANY_REQUESTS,
        "the producer holds %,d unsettled bytes of %,d allowed, and no room came within %s"
            .formatted(budget.used(), options.bufferBytes, options.maxBlock));
  }

  private static int queueOf(OutgoingMessage message, TopicRoute topic) {
    int queues = topic.getQueues();
    if (message.queueOrNone() != OutgoingMessage.NO_QUEUE) {
      return message.queueOrNone();
    }
    if (topic.getType() == TopicType.PRIORITY) {
      return Math.min(message.priority(), queues - 1);
    }
    if (!message.messageGroup().isEmpty()) {
      return QueueChoice.queueOf(message.messageGroup(), queues);
    }
    return message.keys().isEmpty()
        ? OutgoingMessage.NO_QUEUE
        : QueueChoice.queueOf(message.keys().get(0), queues);
  }

  /** The message's bytes after their length: what is sent, stored and read. */
  static byte[] encode(OutgoingMessage from, String id, long bornTimeMillis) {
    Message.Builder message =
        Message.newBuilder()
            .setMessageId(id)
            .setTag(from.tag())
            .setBornTimeMillis(bornTimeMillis)
            .setMessageGroup(from.messageGroup())
            .setPriority(from.priority())
            .setBody(UnsafeByteOperations.unsafeWrap(from.sharedBody()));
    if (!from.keys().isEmpty()) {
      message.addAllKeys(from.keys());
    }
    if (!from.sharedProperties().isEmpty()) {
      message.putAllProperties(from.sharedProperties());
    }
    Message built = message.build();
    int size = built.getSerializedSize();
    byte[] record = new byte[CodedOutputStream.computeUInt32SizeNoTag(size) + size];
    try {
      CodedOutputStream out = CodedOutputStream.newInstance(record);
      out.writeUInt32NoTag(size);
      built.writeTo(out);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new IllegalStateException("a message of " + size + " bytes did not fit its size", e);
    }
    return record;
  }
}
