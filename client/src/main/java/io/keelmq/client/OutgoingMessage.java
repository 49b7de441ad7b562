package io.keelmq.client;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * A message to be sent. Immutable, but for the body's array: it is not copied until {@link
 * Producer#send} returns, and may be reused after that.
 */
public final class OutgoingMessage {

  static final int NO_QUEUE = -1;

  private final String topic;
  private final ByteBuffer body;
  private final List<String> keys;
  private final String tag;
  private final Map<String, String> properties;
  private final String messageGroup;
  private final String messageId;
  private final long bornTimeMillis;
  private final int queue;
  private final int priority;
  private final long deliverAtMillis;
  private final long delayMillis;
  private final long firstCheckMillis;

  private OutgoingMessage(Builder from) {
    topic = from.topic;
    body = from.body;
    keys = from.keys == null ? List.of() : List.copyOf(from.keys);
    tag = from.tag;
    properties = from.properties == null ? Map.of() : new LinkedHashMap<>(from.properties);
    messageGroup = from.messageGroup;
    messageId = from.messageId;
    bornTimeMillis = from.bornTimeMillis;
    queue = from.queue;
    priority = from.priority;
    deliverAtMillis = from.deliverAtMillis;
    delayMillis = from.delayMillis;
    firstCheckMillis = from.firstCheckMillis;
  }

  /** A message without keys or properties. */
  public static OutgoingMessage of(String topic, byte[] body) {
    return builder(topic).body(body).build();
  }

  /** A message whose body is the text in UTF-8. */
  public static OutgoingMessage of(String topic, String body) {
    return builder(topic).body(body).build();
  }

  public static Builder builder(String topic) {
    return new Builder(topic);
  }

  public String topic() {
    return topic;
  }

  /** Read only; shares the sender's array. */
  public ByteBuffer body() {
    return body.asReadOnlyBuffer();
  }

  public List<String> keys() {
    return keys;
  }

  /** Empty: none. */
  public String tag() {
    return tag;
  }

  public Map<String, String> properties() {
    return Map.copyOf(properties);
  }

  /** Empty: none. */
  public String messageGroup() {
    return messageGroup;
  }

  /** Empty: the producer makes one. */
  public String messageId() {
    return messageId;
  }

  public OptionalInt queue() {
    return queue == NO_QUEUE ? OptionalInt.empty() : OptionalInt.of(queue);
  }

  /** From 0, higher is delivered first. */
  public int priority() {
    return priority;
  }

  /**
   * When the message gets its place in its queue, in milliseconds since 1970; 0: at once.
   *
   * @param nowMillis from which a delay counts
   */
  long deliverAtMillis(long nowMillis) {
    return delayMillis > 0 ? nowMillis + delayMillis : deliverAtMillis;
  }

  boolean isDelayed() {
    return delayMillis > 0 || deliverAtMillis > 0;
  }

  long firstCheckMillis() {
    return firstCheckMillis;
  }

  int queueOrNone() {
    return queue;
  }

  long bornTimeMillis() {
    return bornTimeMillis;
  }

  ByteBuffer sharedBody() {
    return body.duplicate();
  }

  Map<String, String> sharedProperties() {
    return properties;
  }

  /** Collects a message's parts. For one thread. */
  public static final class Builder {
    private final String topic;
    private ByteBuffer body = ByteBuffer.allocate(0);
    private List<String> keys;
    private String tag = "";
    private Map<String, String> properties;
    private String messageGroup = "";
    private String messageId = "";
    private long bornTimeMillis;
    private int queue = NO_QUEUE;
    private int priority;
    private long deliverAtMillis;
    private long delayMillis;
    private long firstCheckMillis;

    private Builder(String topic) {
      this.topic = Objects.requireNonNull(topic, "topic");
    }

    public Builder body(byte[] bytes) {
      body = ByteBuffer.wrap(bytes);
      return this;
    }

    /** The bytes from its position to its limit; neither is moved. */
    public Builder body(ByteBuffer bytes) {
      body = bytes.slice();
      return this;
    }

    public Builder body(ByteString bytes) {
      body = bytes.asReadOnlyByteBuffer();
      return this;
    }

    /** The text in UTF-8. */
    public Builder body(String text) {
      return body(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Adds a key, at most 16. The first one chooses the queue if nothing else does. */
    public Builder key(String key) {
      if (keys == null) {
        keys = new ArrayList<>(2);
      }
      keys.add(Objects.requireNonNull(key, "key"));
      return this;
    }

    public Builder keys(List<String> more) {
      more.forEach(this::key);
      return this;
    }

    public Builder tag(String tag) {
      this.tag = Objects.requireNonNull(tag, "tag");
      return this;
    }

    public Builder property(String name, String value) {
      if (properties == null) {
        properties = new LinkedHashMap<>();
      }
      properties.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
      return this;
    }

    /** Messages of one message group keep their order in one queue. At most 63 bytes. */
    public Builder messageGroup(String messageGroup) {
      this.messageGroup = Objects.requireNonNull(messageGroup, "messageGroup");
      return this;
    }

    /** At most 128 bytes; unique among the producer's messages. Without it one is made. */
    public Builder messageId(String messageId) {
      this.messageId = Objects.requireNonNull(messageId, "messageId");
      return this;
    }

    /** When the message was made; without it, the time of sending. */
    public Builder bornTime(Instant time) {
      bornTimeMillis = time.toEpochMilli();
      return this;
    }

    /** Sends to this queue and no other, from 0. */
    public Builder queue(int queue) {
      if (queue < 0) {
        throw new IllegalArgumentException("queue " + queue + ": queues count from 0");
      }
      this.queue = queue;
      return this;
    }

    /**
     * Where it is delivered among the messages of a topic of type PRIORITY: from 0, higher is
     * first. It chooses the queue, unless {@link #queue} does.
     */
    public Builder priority(int priority) {
      if (priority < 0) {
        throw new IllegalArgumentException("priority " + priority + ": priorities count from 0");
      }
      this.priority = priority;
      return this;
    }

    /**
     * Nobody sees the message before; for topics of type DELAY, at most 40 days ahead. A time that
     * has passed is at once. The brokers' log time counts, which follows their clocks.
     */
    public Builder deliverAt(Instant time) {
      long millis = time.toEpochMilli();
      if (millis <= 0) {
        throw new IllegalArgumentException("deliverAt " + time + ": expected a time after 1970");
      }
      deliverAtMillis = millis;
      delayMillis = 0;
      return this;
    }

    /** {@link #deliverAt} so long after the message is sent, by the sender's clock. */
    public Builder delay(Duration delay) {
      delayMillis = Options.positive("delay", delay).toMillis();
      deliverAtMillis = 0;
      return this;
    }

    /**
     * With {@link Producer#sendHalf}: when the broker first asks what became of the message, up to
     * a day after it was stored; without it, after 6 s.
     */
    public Builder firstCheck(Duration afterwards) {
      firstCheckMillis = Options.positive("firstCheck", afterwards).toMillis();
      return this;
    }

    public OutgoingMessage build() {
      return new OutgoingMessage(this);
    }
  }
}
