package io.keelmq.client;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
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

    public OutgoingMessage build() {
      return new OutgoingMessage(this);
    }
  }
}
