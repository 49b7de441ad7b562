package io.keelmq.broker.rocketmq;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.keelmq.rocketmq.v2.Digest;
import io.keelmq.rocketmq.v2.DigestType;
import io.keelmq.rocketmq.v2.Encoding;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.SystemProperties;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;

/**
 * Stored records as messages of this protocol. Of a record only what stands before its body is
 * decoded; the body is a part of the bytes that were read, and is not copied. Stateless.
 */
final class StoredMessages {

  private static final int BODY_TAG = 15 << 3 | 2;
  private static final int CRC_DIGITS = 8;
  private static final int CRC_BITS_BELOW_THE_FIRST_DIGIT = 28;
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  /** A record cut in two. */
  private record Parts(io.keelmq.v1.Message head, ByteString body) {}

  /** Where reading stands. */
  private static final class Cursor {
    private final ByteString bytes;
    private int at;

    Cursor(ByteString bytes) {
      this.bytes = bytes;
    }

    boolean hasMore() {
      return at < bytes.size();
    }

    long varint() {
      long value = 0;
      for (int shift = 0; shift < 70; shift += 7) {
        byte b = bytes.byteAt(at++);
        value |= (long) (b & 0x7f) << shift;
        if (b >= 0) {
          return value;
        }
      }
      throw new IllegalStateException("byte " + at + " of the records: no number");
    }

    ByteString next(int length) {
      ByteString part = bytes.substring(at, at + length);
      at += length;
      return part;
    }
  }

  private StoredMessages() {}

  /**
   * The messages of records, each with what the record says of it.
   *
   * @param records as in {@code Run.records}; checked before they were stored
   */
  static List<Message.Builder> read(ByteString records, Resource topic, MessageType type) {
    var messages = new ArrayList<Message.Builder>();
    var cursor = new Cursor(records);
    while (cursor.hasMore()) {
      messages.add(message(cursor.next((int) cursor.varint()), topic, type));
    }
    return messages;
  }

  /** A record without its body. */
  static io.keelmq.v1.Message head(ByteString record) {
    return cut(record).head();
  }

  private static Message.Builder message(ByteString record, Resource topic, MessageType type) {
    Parts parts = cut(record);
    io.keelmq.v1.Message stored = parts.head();
    var system =
        SystemProperties.newBuilder()
            .setMessageId(stored.getMessageId())
            .addAllKeys(stored.getKeysList())
            .setMessageType(type)
            .setBodyEncoding(stored.getGzip() ? Encoding.GZIP : Encoding.IDENTITY)
            .setBodyDigest(digest(parts.body()))
            .setBornTimestamp(Times.timestamp(stored.getBornTimeMillis()))
            .setBornHost(stored.getBornHost());
    if (!stored.getTag().isEmpty()) {
      system.setTag(stored.getTag());
    }
    if (!stored.getMessageGroup().isEmpty()) {
      system.setMessageGroup(stored.getMessageGroup());
    }
    if (!stored.getTraceContext().isEmpty()) {
      system.setTraceContext(stored.getTraceContext());
    }
    if (stored.getDueMillis() != 0) {
      system.setDeliveryTimestamp(Times.timestamp(stored.getDueMillis()));
    }
    if (type == MessageType.PRIORITY) {
      system.setPriority(stored.getPriority());
    }
    return Message.newBuilder()
        .setTopic(topic)
        .putAllUserProperties(stored.getPropertiesMap())
        .setSystemProperties(system)
        .setBody(parts.body());
  }

  private static Parts cut(ByteString record) {
    // Serializers that write fields in order put the body last, and the head before it is one
    // piece.
    ByteString head = ByteString.EMPTY;
    ByteString body = ByteString.EMPTY;
    var cursor = new Cursor(record);
    int headFrom = 0;
    while (cursor.hasMore()) {
      int tagAt = cursor.at;
      int tag = (int) cursor.varint();
      if (tag == BODY_TAG) {
        head = head.concat(record.substring(headFrom, tagAt));
        body = cursor.next((int) cursor.varint());
        headFrom = cursor.at;
      } else {
        skip(cursor, tag);
      }
    }
    head = head.concat(record.substring(headFrom, record.size()));
    try {
      return new Parts(io.keelmq.v1.Message.parseFrom(head), body);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a stored record is no message: " + e.getMessage(), e);
    }
  }

  private static void skip(Cursor cursor, int tag) {
    switch (tag & 7) {
      case 0 -> cursor.varint();
      case 1 -> cursor.next(8);
      case 2 -> cursor.next((int) cursor.varint());
      case 5 -> cursor.next(4);
      default -> throw new IllegalStateException("a stored record has wire type " + (tag & 7));
    }
  }

  /**
   * SDKs disagree about leading zeros of a CRC32: where it has some it is not used, and a message
   * that one of them would take as corrupted has the longer digest.
   */
  private static Digest digest(ByteString body) {
    var crc = new CRC32();
    for (var piece : body.asReadOnlyByteBufferList()) {
      crc.update(piece);
    }
    if (crc.getValue() >>> CRC_BITS_BELOW_THE_FIRST_DIGIT != 0) {
      return Digest.newBuilder()
          .setType(DigestType.CRC32)
          .setChecksum(HEX.toHexDigits(crc.getValue(), CRC_DIGITS))
          .build();
    }
    MessageDigest md5;
    try {
      md5 = MessageDigest.getInstance("MD5");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has MD5", e);
    }
    for (var piece : body.asReadOnlyByteBufferList()) {
      md5.update(piece);
    }
    return Digest.newBuilder()
        .setType(DigestType.MD5)
        .setChecksum(HEX.formatHex(md5.digest()))
        .build();
  }
}
