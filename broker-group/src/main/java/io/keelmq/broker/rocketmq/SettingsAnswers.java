package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.Edge;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.StateView;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.Sdk;
import io.keelmq.rocketmq.v2.CustomizedBackoff;
import io.keelmq.rocketmq.v2.ExponentialBackoff;
import io.keelmq.rocketmq.v2.Metric;
import io.keelmq.rocketmq.v2.RetryPolicy;
import io.keelmq.rocketmq.v2.Settings;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a client is told about how to go on, on top of what it said itself. SDKs do nothing before
 * they have it, and nothing at all with zeros in it. Thread-safe.
 */
record SettingsAnswers(Edge edge) {

  /** For a group that is not known here. SDKs wait for three seconds. */
  static final long UNKNOWN_GROUP_MILLIS = 2_000;

  static final int RECEIVE_BATCH = 32;
  static final long LONG_POLLING_MILLIS = 20_000;
  private static final int SEND_ATTEMPTS = 3;
  private static final long FIRST_SEND_RETRY_MILLIS = 10;
  private static final long LAST_SEND_RETRY_MILLIS = 1_000;
  private static final int MAX_LITE_TOPIC_BYTES = 64;
  private static final String NODE_WITHOUT_UNITS = "1.0.";

  /** Seconds from one delivery to the next, by attempt: RocketMQ's own. */
  private static final List<Integer> REDELIVERY_SECONDS =
      List.of(1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1_200, 1_800, 7_200);

  /**
   * Calls back once, on any thread. Clients ask when they start and believe what they hear for as
   * long as they live, so a group that is not known here may have been made a moment ago: it is
   * looked for once more when all that was acknowledged before is applied.
   */
  void answer(Settings said, Caller caller, Consumer<Settings> done) {
    String name = ResourceChecks.name(said.getSubscription().getGroup());
    if (!said.hasSubscription()
        || !edge.initialized()
        || ResourceChecks.isUnknowable(name)
        || edge.replica().state().consumerGroup(name).isPresent()) {
      done.accept(answer(said, caller));
      return;
    }
    Runnable then = () -> done.accept(answer(said, caller));
    edge.replica().readPoint(UNKNOWN_GROUP_MILLIS, point -> edge.call(then, full -> then.run()));
  }

  private Settings answer(Settings said, Caller caller) {
    var settings = said.toBuilder().setMetric(Metric.newBuilder().setOn(false));
    if (said.hasSubscription()) {
      GroupSettings group = group(ResourceChecks.name(said.getSubscription().getGroup()));
      settings.setBackoffPolicy(redelivery(group.maxAttempts(), caller));
      settings
          .getSubscriptionBuilder()
          .setFifo(group.fifo())
          .setReceiveBatchSize(RECEIVE_BATCH)
          .setLongPollingTimeout(Times.duration(LONG_POLLING_MILLIS))
          .setMaxLiteTopicSize(MAX_LITE_TOPIC_BYTES);
    } else {
      settings.setBackoffPolicy(sends());
      settings
          .getPublishingBuilder()
          .setMaxBodySize(MessageChecks.MAX_BODY_BYTES)
          .setValidateMessageType(true);
    }
    return settings.build();
  }

  private GroupSettings group(String name) {
    GroupSettings defaults = GroupSettings.of(GroupKind.LEASE);
    if (!edge.initialized() || ResourceChecks.isUnknowable(name)) {
      return defaults;
    }
    Optional<StateView.ConsumerGroup> known = edge.replica().state().consumerGroup(name);
    return known
        .map(StateView.ConsumerGroup::settings)
        .filter(settings -> settings.kind() == defaults.kind())
        .orElse(defaults);
  }

  /** Producers throw on any other kind of policy. */
  private static RetryPolicy sends() {
    return RetryPolicy.newBuilder()
        .setMaxAttempts(SEND_ATTEMPTS)
        .setExponentialBackoff(
            ExponentialBackoff.newBuilder()
                .setInitial(Times.duration(FIRST_SEND_RETRY_MILLIS))
                .setMax(Times.duration(LAST_SEND_RETRY_MILLIS))
                .setMultiplier(2))
        .build();
  }

  private static RetryPolicy redelivery(int maxAttempts, Caller caller) {
    var policy = RetryPolicy.newBuilder().setMaxAttempts(maxAttempts);
    if (caller.sdk() == Sdk.NODE) {
      // Of a list it knows nothing, and gives back at once and for ever. The versions that there
      // are take the seconds of a time for milliseconds.
      long scale = caller.version().startsWith(NODE_WITHOUT_UNITS) ? 1_000 : 1;
      return policy
          .setExponentialBackoff(
              ExponentialBackoff.newBuilder()
                  .setInitial(Times.duration(1_000 * scale))
                  .setMax(Times.duration(7_200_000 * scale))
                  .setMultiplier(2))
          .build();
    }
    var backoff = CustomizedBackoff.newBuilder();
    REDELIVERY_SECONDS.forEach(seconds -> backoff.addNext(Times.duration(seconds * 1_000L)));
    return policy.setCustomizedBackoff(backoff).build();
  }
}
