package io.keelmq.broker.rocketmq;

import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.TopicType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.SystemProperties;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/** The limits of a message that is sent, each with the code of RocketMQ's proxy. Stateless. */
final class MessageChecks {

  static final int MAX_BODY_BYTES = 4 << 20;
  static final int MAX_PROPERTIES = 128;
  static final int MAX_PROPERTIES_BYTES = 16_384;
  static final int MAX_MESSAGE_GROUP_BYTES = 63;
  static final int MAX_KEYS = 16;
  static final int MAX_TOLD_BYTES = 1_024;
  static final long MAX_RECOVERY_SECONDS = 3_600;

  private static final Optional<Status> FINE = Optional.empty();

  private MessageChecks() {}

  static Optional<Status> check(Message message, long nowMillis, long maxDelayMillis) {
    SystemProperties system = message.getSystemProperties();
    return messageId(system)
        .or(() -> body(message))
        .or(() -> tag(system))
        .or(() -> keys(system))
        .or(() -> properties(message))
        .or(() -> messageGroup(system))
        .or(() -> delivery(system, nowMillis, maxDelayMillis))
        .or(() -> recovery(system))
        .or(() -> priority(system));
  }

  private static Optional<Status> messageId(SystemProperties system) {
    int bytes = bytes(system.getMessageId());
    return system.getMessageId().isBlank() || bytes > Limits.MAX_MESSAGE_ID
        ? refuse(
            Code.ILLEGAL_MESSAGE_ID,
            "message_id has "
                + bytes
                + " bytes: expected 1 to "
                + Limits.MAX_MESSAGE_ID
                + ", not blank")
        : FINE;
  }

  private static Optional<Status> body(Message message) {
    int bytes = message.getBody().size();
    if (bytes == 0) {
      return refuse(Code.MESSAGE_BODY_EMPTY, "the body is empty: expected a byte or more");
    }
    return bytes > MAX_BODY_BYTES
        ? refuse(
            Code.MESSAGE_BODY_TOO_LARGE,
            "the body has " + bytes + " bytes, at most " + MAX_BODY_BYTES + " are allowed")
        : FINE;
  }

  private static Optional<Status> tag(SystemProperties system) {
    if (!system.hasTag()) {
      return FINE;
    }
    String tag = system.getTag();
    return tag.isBlank() || tag.indexOf('|') >= 0 || hasControl(tag)
        ? refuse(Code.ILLEGAL_MESSAGE_TAG, "the tag is blank, or has a '|' or control character")
        : FINE;
  }

  private static Optional<Status> keys(SystemProperties system) {
    if (system.getKeysCount() > MAX_KEYS) {
      return refuse(
          Code.ILLEGAL_MESSAGE_KEY,
          system.getKeysCount() + " keys, at most " + MAX_KEYS + " are allowed");
    }
    for (String key : system.getKeysList()) {
      if (key.isBlank() || hasControl(key)) {
        return refuse(Code.ILLEGAL_MESSAGE_KEY, "a key is blank or has a control character");
      }
    }
    return FINE;
  }

  private static Optional<Status> properties(Message message) {
    SystemProperties system = message.getSystemProperties();
    if (message.getUserPropertiesCount() > MAX_PROPERTIES) {
      return refuse(
          Code.MESSAGE_PROPERTIES_TOO_LARGE,
          message.getUserPropertiesCount()
              + " user properties, at most "
              + MAX_PROPERTIES
              + " are allowed");
    }
    long bytes = bytes(system.getTag());
    for (String key : system.getKeysList()) {
      bytes += bytes(key);
    }
    for (Map.Entry<String, String> property : message.getUserPropertiesMap().entrySet()) {
      String key = property.getKey();
      bytes += bytes(key) + bytes(property.getValue());
      if (key.isEmpty()
          || ReservedNames.isReserved(key)
          || hasControl(key)
          || hasControl(property.getValue())) {
        return refuse(
            Code.ILLEGAL_MESSAGE_PROPERTY_KEY,
            "property \""
                + ResourceChecks.shown(key)
                + "\" is empty, reserved, or has a control character in name or value");
      }
    }
    if (bytes > MAX_PROPERTIES_BYTES) {
      return refuse(
          Code.MESSAGE_PROPERTIES_TOO_LARGE,
          "properties, tag and keys take "
              + bytes
              + " bytes, at most "
              + MAX_PROPERTIES_BYTES
              + " are allowed");
    }
    int told = bytes(system.getBornHost()) + bytes(system.getTraceContext());
    return told > MAX_TOLD_BYTES
        ? refuse(
            Code.MESSAGE_PROPERTIES_TOO_LARGE,
            "born_host and trace_context take "
                + told
                + " bytes, at most "
                + MAX_TOLD_BYTES
                + " are allowed")
        : FINE;
  }

  private static Optional<Status> messageGroup(SystemProperties system) {
    if (!system.hasMessageGroup()) {
      return FINE;
    }
    String group = system.getMessageGroup();
    int bytes = bytes(group);
    return group.isBlank() || bytes > MAX_MESSAGE_GROUP_BYTES || hasControl(group)
        ? refuse(
            Code.ILLEGAL_MESSAGE_GROUP,
            "message_group has "
                + bytes
                + " bytes: expected 1 to "
                + MAX_MESSAGE_GROUP_BYTES
                + ", not blank, without control characters")
        : FINE;
  }

  private static Optional<Status> delivery(
      SystemProperties system, long nowMillis, long maxDelayMillis) {
    if (!system.hasDeliveryTimestamp()) {
      return FINE;
    }
    Timestamp at = system.getDeliveryTimestamp();
    // As a difference of seconds first: absurd times do not fit into milliseconds.
    long aheadSeconds = at.getSeconds() - nowMillis / 1_000;
    boolean absurd = at.getSeconds() < 0 || at.getNanos() < 0 || at.getNanos() > 999_999_999;
    return absurd
            || aheadSeconds > maxDelayMillis / 1_000 + 1
            || Times.millis(at) - nowMillis > maxDelayMillis
        ? refuse(
            Code.ILLEGAL_DELIVERY_TIME,
            "delivery in "
                + aheadSeconds
                + " s: expected at most "
                + maxDelayMillis / 1_000
                + " s from now")
        : FINE;
  }

  private static Optional<Status> recovery(SystemProperties system) {
    if (!system.hasOrphanedTransactionRecoveryDuration()) {
      return FINE;
    }
    Duration after = system.getOrphanedTransactionRecoveryDuration();
    return Times.isSound(after)
            && (after.getSeconds() < MAX_RECOVERY_SECONDS
                || (after.getSeconds() == MAX_RECOVERY_SECONDS && after.getNanos() == 0))
        ? FINE
        : refuse(
            Code.BAD_REQUEST,
            "orphaned_transaction_recovery_duration of "
                + after.getSeconds()
                + " s: expected 0 to "
                + MAX_RECOVERY_SECONDS);
  }

  private static Optional<Status> priority(SystemProperties system) {
    return system.getPriority() < 0
        ? refuse(Code.BAD_REQUEST, "priority " + system.getPriority() + ": expected 0 or more")
        : FINE;
  }

  /** What a message is, by its properties: what it says of its own type counts for half ones. */
  static MessageType type(SystemProperties system) {
    if (system.getMessageType() == MessageType.TRANSACTION) {
      return MessageType.TRANSACTION;
    } else if (system.hasLiteTopic()) {
      return MessageType.LITE;
    } else if (system.hasDeliveryTimestamp()) {
      return MessageType.DELAY;
    } else if (system.hasMessageGroup()) {
      return MessageType.FIFO;
    }
    return system.hasPriority() ? MessageType.PRIORITY : MessageType.NORMAL;
  }

  static MessageType type(TopicType type) {
    return switch (type) {
      case NORMAL -> MessageType.NORMAL;
      case FIFO -> MessageType.FIFO;
      case DELAY -> MessageType.DELAY;
      case TRANSACTION -> MessageType.TRANSACTION;
      case PRIORITY -> MessageType.PRIORITY;
    };
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static boolean hasControl(String text) {
    return text.chars().anyMatch(Character::isISOControl);
  }

  private static Optional<Status> refuse(Code code, String message) {
    return Optional.of(Statuses.of(code, message));
  }
}
