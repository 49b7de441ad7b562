package io.keelmq.broker.rocketmq;

import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.Names;
import io.keelmq.rocketmq.ResourceName;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Status;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Names of topics and consumer groups as SDKs give them. Stateless. */
final class ResourceChecks {

  /** Names that RocketMQ keeps for itself. */
  private static final Set<String> SYSTEM_TOPICS =
      Set.of(
          "TBW102",
          "SCHEDULE_TOPIC_XXXX",
          "BenchmarkTest",
          "RMQ_SYS_TRANS_HALF_TOPIC",
          "RMQ_SYS_TRANS_OP_HALF_TOPIC",
          "RMQ_SYS_TRACE_TOPIC",
          "TRANS_CHECK_MAX_TIME_TOPIC",
          "SELF_TEST_TOPIC",
          "OFFSET_MOVED_EVENT");

  private ResourceChecks() {}

  /** What the resource is called here. */
  static String name(Resource resource) {
    return ResourceName.of(resource);
  }

  static Optional<Status> topic(Resource resource) {
    String name = name(resource);
    if (resource.getName().isBlank() || !isLegal(name) || name.length() > Limits.MAX_TOPIC_NAME) {
      return Optional.of(
          Statuses.of(
              Code.ILLEGAL_TOPIC,
              "\""
                  + shown(name)
                  + "\" is no topic: expected 1 to "
                  + Limits.MAX_TOPIC_NAME
                  + " of the characters % | a-z A-Z 0-9 _ -"));
    }
    return SYSTEM_TOPICS.contains(name) || name.toLowerCase(Locale.ROOT).startsWith("rmq_sys_")
        ? Optional.of(
            Statuses.of(Code.ILLEGAL_TOPIC, name + " is a topic that RocketMQ keeps for itself"))
        : Optional.empty();
  }

  static Optional<Status> group(Resource resource) {
    String name = name(resource);
    boolean legal =
        !resource.getName().isBlank()
            && isLegal(name)
            && name.indexOf('|') < 0
            && name.length() <= Limits.MAX_CONSUMER_GROUP_NAME;
    return legal
        ? Optional.empty()
        : Optional.of(
            Statuses.of(
                Code.ILLEGAL_CONSUMER_GROUP,
                "\""
                    + shown(name)
                    + "\" is no consumer group: expected 1 to "
                    + Limits.MAX_CONSUMER_GROUP_NAME
                    + " of the characters % a-z A-Z 0-9 _ -"));
  }

  /** Whether no consumer group can have the name. */
  static boolean isUnknowable(String group) {
    return !Names.isConsumerGroup(group);
  }

  private static boolean isLegal(String name) {
    return name.chars().allMatch(c -> c == '|' || Names.isOfName(c));
  }

  /** Input in a message: enough to recognize it, never all of it. */
  static String shown(String text) {
    String part = text.length() > 140 ? text.substring(0, 140) + "..." : text;
    return part.replaceAll("\\p{Cntrl}", "?");
  }
}
