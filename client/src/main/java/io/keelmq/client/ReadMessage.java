package io.keelmq.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.keelmq.v1.Message;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A stored message. Its fields are decoded when the first of them is asked for, so that a caller
 * who wants only the place pays nothing. Thread-safe: decoding twice gives the same.
 */
public sealed class ReadMessage permits ConsumedMessage {

  private final String topic;
  private final int queue;
  private final long offset;
  private final long storeTimeMillis;
  private final ByteString record;
  private final MessagePlace source;
  private volatile Message decoded;

  ReadMessage(String topic, int queue, long offset, long storeTimeMillis, ByteString record) {
    this(topic, queue, offset, storeTimeMillis, record, null);
  }

  /**
   * @param source of a dead letter; null: it is none
   */
  ReadMessage(
      String topic,
      int queue,
      long offset,
      long storeTimeMillis,
      ByteString record,
      MessagePlace source) {
    this.topic = topic;
    this.queue = queue;
    this.offset = offset;
    this.storeTimeMillis = storeTimeMillis;
    this.record = record;
    this.source = source;
  }

  public String topic() {
    return topic;
  }

  public int queue() {
    return queue;
  }

  public long offset() {
    return offset;
  }

  /** Log time at which the message was stored, the same on every replica. */
  public Instant storeTime() {
    return Instant.ofEpochMilli(storeTimeMillis);
  }

  /** Of a message in a dead letter topic that was read: where it was consumed. */
  public Optional<MessagePlace> source() {
    return Optional.ofNullable(source);
  }

  /** When the producer made the message; 1970 when it did not say. */
  public Instant bornTime() {
    return Instant.ofEpochMilli(message().getBornTimeMillis());
  }

  public String messageId() {
    return message().getMessageId();
  }

  public List<String> keys() {
    return message().getKeysList();
  }

  /** Empty: none. */
  public String tag() {
    return message().getTag();
  }

  public Map<String, String> properties() {
    return message().getPropertiesMap();
  }

  /** Empty: none. */
  public String messageGroup() {
    return message().getMessageGroup();
  }

  /** A copy of the body. */
  public byte[] bodyBytes() {
    return message().getBody().toByteArray();
  }

  /** The body, read only, without a copy. */
  public ByteBuffer body() {
    return message().getBody().asReadOnlyByteBuffer();
  }

  /** The body read as UTF-8; bytes that are not become the replacement character. */
  public String bodyText() {
    return message().getBody().toStringUtf8();
  }

  public int bodySize() {
    return message().getBody().size();
  }

  /** Bytes of the stored record: all fields together. */
  public int recordSize() {
    return record.size();
  }

  /** The message in the protocol's form. */
  public Message message() {
    Message message = decoded;
    if (message == null) {
      try {
        message = Message.parseFrom(record);
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalStateException(
            "topic %s queue %d offset %d: the %d stored bytes are no message; another program wrote them"
                .formatted(topic, queue, offset, record.size()),
            e);
      }
      decoded = message;
    }
    return message;
  }

  @Override
  public String toString() {
    return topic + "/" + queue + "@" + offset;
  }
}
