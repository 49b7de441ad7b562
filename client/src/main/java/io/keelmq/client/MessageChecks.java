package io.keelmq.client;

import io.keelmq.v1.Code;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The broker's limits, checked before a message is taken, so that one wrong message does not fail
 * the batch it would have been in.
 */
final class MessageChecks {

  static final int MAX_BODY_BYTES = 4 << 20;
  static final int MAX_KEYS = 16;
  static final int MAX_PROPERTIES = 128;
  static final int MAX_PROPERTIES_BYTES = 16_384;
  static final int MAX_MESSAGE_ID_BYTES = 128;
  static final int MAX_MESSAGE_GROUP_BYTES = 63;

  private static final Pattern TOPIC = Pattern.compile("^[%a-zA-Z0-9_-]{1,127}$");

  private MessageChecks() {}

  static void checkTopic(String topic) {
    if (!TOPIC.matcher(topic).matches()) {
      throw new RequestRejected(
          Code.ILLEGAL_TOPIC,
          "topic \"" + topic + "\": expected 1 to 127 of letters, digits, %, _ and -");
    }
  }

  /** All but the topic. */
  static void check(OutgoingMessage message, boolean half) {
    if (half && message.isDelayed()) {
      throw new RequestRejected(
          Code.INVALID_ARGUMENT, "a half message with a time: send it half or delayed, not both");
    }
    if (!half && message.firstCheckMillis() != 0) {
      throw new RequestRejected(
          Code.INVALID_ARGUMENT, "firstCheck is for half messages: send it with sendHalf");
    }
    int body = message.sharedBody().remaining();
    if (body > MAX_BODY_BYTES) {
      throw new RequestRejected(
          Code.MESSAGE_BODY_TOO_LARGE,
          "body of %,d bytes: expected at most %,d; split it, or send a reference"
              .formatted(body, MAX_BODY_BYTES));
    }
    if (utf8(message.messageId()) > MAX_MESSAGE_ID_BYTES) {
      throw new RequestRejected(
          Code.ILLEGAL_MESSAGE_ID,
          "message id of %d bytes: expected at most %d"
              .formatted(utf8(message.messageId()), MAX_MESSAGE_ID_BYTES));
    }
    if (utf8(message.messageGroup()) > MAX_MESSAGE_GROUP_BYTES) {
      throw new RequestRejected(
          Code.ILLEGAL_MESSAGE_GROUP,
          "message group of %d bytes: expected at most %d"
              .formatted(utf8(message.messageGroup()), MAX_MESSAGE_GROUP_BYTES));
    }
    checkTag(message.tag());
    checkKeys(message);
    checkProperties(message);
  }

  private static void checkTag(String tag) {
    if (tag.isEmpty()) {
      return;
    }
    if (tag.isBlank() || tag.indexOf('|') >= 0 || tag.chars().anyMatch(Character::isISOControl)) {
      throw new RequestRejected(
          Code.ILLEGAL_MESSAGE_TAG,
          "tag \"" + tag + "\": expected a word without '|' and control characters");
    }
  }

  private static void checkKeys(OutgoingMessage message) {
    if (message.keys().size() > MAX_KEYS) {
      throw new RequestRejected(
          Code.ILLEGAL_MESSAGE_KEY, message.keys().size() + " keys: expected at most " + MAX_KEYS);
    }
    for (String key : message.keys()) {
      if (key.isBlank()) {
        throw new RequestRejected(Code.ILLEGAL_MESSAGE_KEY, "a key is blank");
      }
    }
  }

  private static void checkProperties(OutgoingMessage message) {
    Map<String, String> properties = message.sharedProperties();
    if (properties.size() > MAX_PROPERTIES) {
      throw new RequestRejected(
          Code.MESSAGE_PROPERTIES_TOO_LARGE,
          properties.size() + " properties: expected at most " + MAX_PROPERTIES);
    }
    long bytes = utf8(message.tag());
    for (String key : message.keys()) {
      bytes += utf8(key);
    }
    for (Map.Entry<String, String> property : properties.entrySet()) {
      if (property.getKey().isBlank()) {
        throw new RequestRejected(
            Code.ILLEGAL_MESSAGE_PROPERTY_KEY, "the name of a property is blank");
      }
      bytes += utf8(property.getKey()) + utf8(property.getValue());
    }
    if (bytes > MAX_PROPERTIES_BYTES) {
      throw new RequestRejected(
          Code.MESSAGE_PROPERTIES_TOO_LARGE,
          "keys, tag and properties of %,d bytes: expected at most %,d together"
              .formatted(bytes, MAX_PROPERTIES_BYTES));
    }
  }

  private static int utf8(String text) {
    return text.isEmpty() ? 0 : text.getBytes(StandardCharsets.UTF_8).length;
  }
}
