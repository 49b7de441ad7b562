package io.keelmq.broker.api;

import com.google.protobuf.ByteOutput;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.keelmq.v1.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Walks over delimited {@link io.keelmq.v1.Message}s and judges each, without making objects and
 * without touching the bodies: it runs on the event loop for every message that is published.
 *
 * <p>Accepts what a protobuf parser accepts, with one exception: the group wire types, which no
 * language's generator writes any more. Owned by one thread.
 */
final class RecordScan {

  static final int MAX_BODY_BYTES = 4 << 20;
  static final int MAX_MESSAGE_ID_BYTES = 128;
  static final int MAX_KEYS = 16;
  static final int MAX_PROPERTIES = 128;
  static final int MAX_PROPERTIES_BYTES = 16_384;
  static final int MAX_MESSAGE_GROUP_BYTES = 63;
  static final int MAX_TOLD_BYTES = 1_024;

  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;

  /** Ends a scan; says what is wrong with a message. Never leaves this class. */
  private static final class Wrong extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final Code code;

    Wrong(Code code, String message) {
      super(message, null, false, false);
      this.code = code;
    }
  }

  private final byte[] bytes;
  private final int end;
  private int at;
  private int messages;

  // Of the message that is being looked at.
  private int keys;
  private int properties;
  private int propertiesBytes;
  private int messageIdBytes;
  private int toldBytes;

  private RecordScan(byte[] bytes, int from, int end) {
    this.bytes = bytes;
    this.at = from;
    this.end = end;
  }

  /**
   * Judges a run's records.
   *
   * @param count how many messages they are said to be
   * @return the first thing that is wrong
   */
  static Optional<Refusal> check(ByteString records, int count) {
    RecordScan scan = Array.of(records);
    try {
      scan.records(count);
      return Optional.empty();
    } catch (Wrong wrong) {
      return Optional.of(
          new Refusal(
              wrong.code, "message " + scan.messages + " of the run: " + wrong.getMessage()));
    }
  }

  /** Judges one serialized message that must have an id. */
  static Optional<Refusal> checkMessage(byte[] message) {
    var scan = new RecordScan(message, 0, message.length);
    try {
      scan.message(message.length);
      if (scan.messageIdBytes == 0) {
        throw new Wrong(Code.ILLEGAL_MESSAGE_ID, "expected a message_id, found none");
      }
      return Optional.empty();
    } catch (Wrong wrong) {
      return Optional.of(new Refusal(wrong.code, wrong.getMessage()));
    }
  }

  private void records(int count) {
    while (at < end) {
      if (messages == count) {
        throw new Wrong(
            Code.MESSAGE_CORRUPTED,
            "expected " + count + " messages, found " + (end - at) + " bytes behind them");
      }
      message(length(end));
      messages++;
    }
    if (messages != count) {
      throw new Wrong(Code.MESSAGE_CORRUPTED, "expected " + count + " messages, found " + messages);
    }
  }

  private void message(int length) {
    int end = at + length;
    keys = 0;
    properties = 0;
    propertiesBytes = 0;
    messageIdBytes = 0;
    toldBytes = 0;
    while (at < end) {
      int tag = tag(end);
      switch (tag) {
        case 1 << 3 | LENGTH -> messageId(length(end));
        case 2 << 3 | LENGTH -> key(length(end));
        case 3 << 3 | LENGTH -> tagWord(length(end));
        case 4 << 3 | LENGTH -> property(length(end));
        case 6 << 3 | LENGTH -> messageGroup(length(end));
        case 7 << 3 | VARINT -> priority(end);
        case 8 << 3 | LENGTH -> told(length(end), "born_host");
        case 9 << 3 | LENGTH -> told(length(end), "trace_context");
        case 15 << 3 | LENGTH -> body(length(end));
        default -> skip(tag, end);
      }
    }
    if (propertiesBytes > MAX_PROPERTIES_BYTES) {
      throw new Wrong(
          Code.MESSAGE_PROPERTIES_TOO_LARGE,
          "tag, keys and properties take "
              + propertiesBytes
              + " bytes, at most "
              + MAX_PROPERTIES_BYTES
              + " are allowed");
    }
  }

  private void messageId(int length) {
    messageIdBytes = length;
    if (length > MAX_MESSAGE_ID_BYTES) {
      throw new Wrong(
          Code.ILLEGAL_MESSAGE_ID,
          "message_id has " + length + " bytes, at most " + MAX_MESSAGE_ID_BYTES + " are allowed");
    }
    text(length, "message_id");
    at += length;
  }

  private void key(int length) {
    keys++;
    propertiesBytes += length;
    if (keys > MAX_KEYS) {
      throw new Wrong(
          Code.ILLEGAL_MESSAGE_KEY, "more than the " + MAX_KEYS + " keys that are allowed");
    }
    word(text(length, "key"), length, Code.ILLEGAL_MESSAGE_KEY, "key");
    at += length;
  }

  private void tagWord(int length) {
    propertiesBytes += length;
    boolean ascii = text(length, "tag");
    if (length > 0) {
      word(ascii, length, Code.ILLEGAL_MESSAGE_TAG, "tag");
      for (int i = at; i < at + length; i++) {
        if (bytes[i] == '|') {
          throw new Wrong(Code.ILLEGAL_MESSAGE_TAG, "the tag holds a '|'");
        }
      }
    }
    at += length;
  }

  private void messageGroup(int length) {
    if (length > MAX_MESSAGE_GROUP_BYTES) {
      throw new Wrong(
          Code.ILLEGAL_MESSAGE_GROUP,
          "message_group has "
              + length
              + " bytes, at most "
              + MAX_MESSAGE_GROUP_BYTES
              + " are allowed");
    }
    boolean ascii = text(length, "message_group");
    if (length > 0) {
      word(ascii, length, Code.ILLEGAL_MESSAGE_GROUP, "message_group");
    }
    at += length;
  }

  private void priority(int end) {
    // A parser reads 32 bits of it and drops the rest.
    int priority = (int) varint(end);
    if (priority < 0) {
      throw new Wrong(
          Code.INVALID_ARGUMENT, "priority " + priority + " is negative: expected 0 or more");
    }
  }

  private void told(int length, String name) {
    toldBytes += length;
    if (toldBytes > MAX_TOLD_BYTES) {
      throw new Wrong(
          Code.MESSAGE_PROPERTIES_TOO_LARGE,
          "born_host and trace_context take "
              + toldBytes
              + " bytes, at most "
              + MAX_TOLD_BYTES
              + " are allowed");
    }
    text(length, name);
    at += length;
  }

  private void property(int length) {
    properties++;
    if (properties > MAX_PROPERTIES) {
      throw new Wrong(
          Code.MESSAGE_PROPERTIES_TOO_LARGE,
          "more than the " + MAX_PROPERTIES + " properties that are allowed");
    }
    int end = at + length;
    boolean named = false;
    while (at < end) {
      int tag = tag(end);
      if (tag == (1 << 3 | LENGTH)) {
        int key = length(end);
        named = key > 0;
        propertiesBytes += key;
        noControls(text(key, "property"), key, Code.ILLEGAL_MESSAGE_PROPERTY_KEY, "property");
        at += key;
      } else if (tag == (2 << 3 | LENGTH)) {
        int value = length(end);
        propertiesBytes += value;
        noControls(
            text(value, "property"), value, Code.ILLEGAL_MESSAGE_PROPERTY_KEY, "property value");
        at += value;
      } else {
        skip(tag, end);
      }
    }
    if (!named) {
      throw new Wrong(Code.ILLEGAL_MESSAGE_PROPERTY_KEY, "a property has an empty name");
    }
  }

  private void body(int length) {
    if (length > MAX_BODY_BYTES) {
      throw new Wrong(
          Code.MESSAGE_BODY_TOO_LARGE,
          "the body has " + length + " bytes, at most " + MAX_BODY_BYTES + " are allowed");
    }
    at += length;
  }

  /** Not blank and without control characters. */
  private void word(boolean ascii, int length, Code code, String name) {
    noControls(ascii, length, code, name);
    boolean blank = true;
    if (ascii) {
      for (int i = at; blank && i < at + length; i++) {
        blank = bytes[i] == ' ';
      }
    } else {
      blank = string(length).isBlank();
    }
    if (blank) {
      throw new Wrong(code, "the " + name + " is blank");
    }
  }

  // Without branches in the loop, which runs over every name of every message.
  @SuppressWarnings("ShortCircuitBoolean")
  private void noControls(boolean ascii, int length, Code code, String name) {
    boolean found = false;
    if (ascii) {
      for (int i = at; i < at + length; i++) {
        byte b = bytes[i];
        found |= b < 0x20 | b == 0x7f;
      }
    } else {
      found = string(length).chars().anyMatch(Character::isISOControl);
    }
    if (found) {
      throw new Wrong(code, "the " + name + " holds a control character");
    }
  }

  /** Whether the next bytes are all ASCII; refuses what is not UTF-8. */
  private boolean text(int length, String name) {
    byte any = 0;
    for (int i = at; i < at + length; i++) {
      any |= bytes[i];
    }
    if (any >= 0) {
      return true;
    }
    if (!next(length).isValidUtf8()) {
      throw new Wrong(Code.MESSAGE_CORRUPTED, "the " + name + " is not UTF-8");
    }
    return false;
  }

  private String string(int length) {
    return next(length).toString(StandardCharsets.UTF_8);
  }

  private ByteString next(int length) {
    return UnsafeByteOperations.unsafeWrap(bytes, at, length);
  }

  private void skip(int tag, int end) {
    switch (tag & 7) {
      case VARINT -> varint(end);
      case FIXED64 -> forward(8, end);
      case FIXED32 -> forward(4, end);
      // length() moves behind the length itself first, so it has to be evaluated on its own.
      case LENGTH -> {
        int length = length(end);
        at += length;
      }
      default ->
          throw new Wrong(
              Code.MESSAGE_CORRUPTED, "byte " + at + ": wire type " + (tag & 7) + " is not known");
    }
  }

  private void forward(int count, int end) {
    if (count > end - at) {
      throw cutOff();
    }
    at += count;
  }

  private int tag(int end) {
    long tag = varint(end);
    // A parser reads a tag as 32 bits and drops the rest.
    int tag32 = (int) tag;
    if (tag32 >>> 3 == 0) {
      throw new Wrong(Code.MESSAGE_CORRUPTED, "byte " + at + ": field number 0");
    }
    return tag32;
  }

  /** A length that lies within {@code end}. */
  private int length(int end) {
    long length = varint(end);
    if (length < 0 || length > end - at) {
      throw cutOff();
    }
    return (int) length;
  }

  private long varint(int end) {
    if (at < end) {
      byte first = bytes[at];
      if (first >= 0) {
        at++;
        return first;
      }
    }
    long value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at >= end) {
        throw cutOff();
      }
      byte b = bytes[at++];
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw new Wrong(Code.MESSAGE_CORRUPTED, "byte " + at + ": a number of more than 10 bytes");
  }

  private Wrong cutOff() {
    return new Wrong(
        Code.MESSAGE_CORRUPTED, "byte " + at + ": the message ends in the middle of a field");
  }

  /**
   * Finds the array behind a ByteString: reading through it byte by byte, or through a read-only
   * buffer, costs several times as much.
   */
  private static final class Array extends ByteOutput {
    private Optional<RecordScan> scan = Optional.empty();
    private boolean inPieces;

    static RecordScan of(ByteString records) {
      var array = new Array();
      try {
        UnsafeByteOperations.unsafeWriteTo(records, array);
      } catch (IOException e) {
        throw new IllegalStateException("an output in memory failed", e);
      }
      if (array.inPieces || array.scan.isEmpty()) {
        byte[] copy = records.toByteArray();
        return new RecordScan(copy, 0, copy.length);
      }
      return array.scan.get();
    }

    @Override
    public void writeLazy(byte[] value, int offset, int length) {
      inPieces |= scan.isPresent();
      scan = Optional.of(new RecordScan(value, offset, offset + length));
    }

    @Override
    public void writeLazy(ByteBuffer value) {
      inPieces = true;
    }

    @Override
    public void write(byte value) {
      inPieces = true;
    }

    @Override
    public void write(byte[] value, int offset, int length) {
      inPieces = true;
    }

    @Override
    public void write(ByteBuffer value) {
      inPieces = true;
    }
  }
}
