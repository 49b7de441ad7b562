package io.keelmq.client;

import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicDescription;
import io.keelmq.v1.TopicType;
import io.keelmq.v1.TransferLeadershipResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What operators and tools ask of a cluster; values are the protocol's. Thread-safe, stateless.
 *
 * <p>Calls block, for the timeout at the most, and are retried within it; a change carries a name
 * by which the group recognizes its repeats. They throw {@link RequestRejected} (wrong, or not
 * fitting: nothing changed), {@link Unavailable} (nothing changed), {@link OutcomeUnknown} (a
 * change that may have been made) or {@link ClientClosed}.
 */
public final class Admin {

  private final ClientCore core;
  private final Duration timeout;

  Admin(ClientCore core, Duration timeout) {
    this.core = core;
    this.timeout = timeout;
  }

  /** The same with another timeout for each call. */
  public Admin withTimeout(Duration timeout) {
    return new Admin(core, Options.positive("timeout", timeout));
  }

  /**
   * Makes a topic; making it again with the same settings is fine.
   *
   * @param queues 1 to 1,024
   * @param retention how long messages can be read; zero: for ever
   */
  public Topic createTopic(String topic, TopicType type, int queues, Duration retention) {
    throw new UnsupportedOperationException();
  }

  /** {@link #createTopic} for plain messages that are kept for ever. */
  public Topic createTopic(String topic, int queues) {
    return createTopic(topic, TopicType.NORMAL, queues, Duration.ZERO);
  }

  /** Changes what is present. Queues can only be added. */
  public Topic alterTopic(String topic, OptionalInt queues, Optional<Duration> retention) {
    throw new UnsupportedOperationException();
  }

  public void deleteTopic(String topic) {
    throw new UnsupportedOperationException();
  }

  /** By name. */
  public List<Topic> topics() {
    throw new UnsupportedOperationException();
  }

  public TopicDescription describeTopic(String topic) {
    throw new UnsupportedOperationException();
  }

  public ConsumerGroup createConsumerGroup(String consumerGroup, ConsumerGroupKind kind) {
    throw new UnsupportedOperationException();
  }

  public void deleteConsumerGroup(String consumerGroup) {
    throw new UnsupportedOperationException();
  }

  /** By name. */
  public List<ConsumerGroup> consumerGroups() {
    throw new UnsupportedOperationException();
  }

  public ConsumerGroupDescription describeConsumerGroup(String consumerGroup) {
    throw new UnsupportedOperationException();
  }

  public CommittedOffsets offsets(String consumerGroup, String topic) {
    throw new UnsupportedOperationException();
  }

  /**
   * Commits offsets of an offset group; one below the committed one of the same epoch changes
   * nothing.
   *
   * @param epoch from {@link #offsets}
   * @param offsets by queue, the offset of the next message to read
   */
  public void commitOffsets(
      String consumerGroup, String topic, long epoch, Map<Integer, Long> offsets) {
    throw new UnsupportedOperationException();
  }

  /** Moves a group in all queues of a topic, back too; {@code committed} is no target. */
  public CommittedOffsets seek(String consumerGroup, String topic, StartAt to) {
    throw new UnsupportedOperationException();
  }

  /** Moves a group in some queues of a topic. */
  public CommittedOffsets seek(String consumerGroup, String topic, Map<Integer, StartAt> to) {
    throw new UnsupportedOperationException();
  }

  /**
   * Asks all name servers and all replicas at once; those that do not answer within a third of the
   * timeout are shown as unreachable. Throws only when no name server answers.
   */
  public ClusterStatus clusterStatus() {
    throw new UnsupportedOperationException();
  }

  /**
   * Makes another replica lead; returns when it does.
   *
   * @param group empty: the only one
   * @param node who shall lead; empty: whichever other is most up to date
   */
  public TransferLeadershipResponse transferLeadership(String group, String node) {
    throw new UnsupportedOperationException();
  }

  /**
   * Makes a group out of empty replicas: waits until that many are reported, prepares all, then
   * starts all. Again after a failure it goes on with the plan that was written down.
   *
   * @param replicas 1, 3 or 5
   * @param timeout for the whole
   * @return when every replica has started; {@code alreadyInitialized} when all had before
   * @throws RequestRejected with PRECONDITION_FAILED: an empty replica beside started ones, or
   *     replicas of different plans; with IDENTITY_MISMATCH: another cluster's
   * @throws Unavailable not enough replicas came, or one does not answer; run it again
   */
  public InitResult initGroup(String group, int replicas, Duration timeout) {
    throw new UnsupportedOperationException();
  }
}
