package io.keelmq.broker.rocketmq;

import io.keelmq.broker.state.Limits;
import io.keelmq.common.Settings;
import java.time.Duration;
import java.util.List;

/**
 * What operators decide about SDKs. Immutable.
 *
 * @param maxDelay how far ahead a message may be delayed
 * @param newGroupsFromLatest consumer groups that are made by their first consumer begin after what
 *     is there, instead of with the earliest message that is retained
 */
public record RocketmqOptions(Duration maxDelay, boolean newGroupsFromLatest) {

  /** As RocketMQ's proxy has it, but that a new group misses nothing. */
  public static final RocketmqOptions DEFAULTS = new RocketmqOptions(Duration.ofHours(24), false);

  private static final String DELAY = "delay.max";
  private static final String BEGIN = "group.begin";
  private static final String EARLIEST = "earliest";
  private static final String LATEST = "latest";

  public static final List<Settings.Key> KEYS =
      List.of(
          Settings.key(DELAY, "24h", "how far ahead RocketMQ clients may delay a message"),
          Settings.key(BEGIN, EARLIEST, "where groups begin that their consumers make: or latest"));

  /**
   * @throws io.keelmq.common.ConfigurationException naming the key, what was expected and found
   */
  public static RocketmqOptions of(Settings settings) {
    return new RocketmqOptions(
        settings.duration(DELAY, Duration.ofSeconds(1), Duration.ofMillis(Limits.MAX_DELAY_MILLIS)),
        settings.oneOf(BEGIN, EARLIEST, LATEST).equals(LATEST));
  }
}
