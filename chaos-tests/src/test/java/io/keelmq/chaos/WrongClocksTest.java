package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.app.BrokerMain;
import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.Consumer;
import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.client.Unavailable;
import io.keelmq.local.ClientBootstrap;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.KillOnExit;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.v1.TopicType;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: leases and delayed messages count in log time, which no leader's wall clock moves by more
 * than a tenth of the time that passes. Method: three brokers whose wall clocks are right, ten
 * minutes ahead and ten minutes behind; a lease and a timer are started under each leader and end
 * under the next one, to which leadership is moved by a transfer or a kill. Real time is measured
 * by this process's monotonic clock.
 *
 * <p>Half a second is allowed on top for what happens between the moment at which log time counts
 * and the one that is measured: never early by more than the slew, late by it and the pauses.
 */
@Tag("chaos")
class WrongClocksTest {

  private static final String GROUP = "g0";
  private static final String PLAIN = "plain";
  private static final String TIMERS = "timers";
  private static final Duration OPEN = Duration.ofSeconds(60);
  private static final long LEASE_MILLIS = 4_000;
  private static final long DELAY_MILLIS = 4_000;
  private static final double SLEW = 0.1;
  private static final long SLACK_MILLIS = 500;

  /** Beyond what is slewed: an election, the stream that follows, and a slow machine. */
  private static final long LATE_MILLIS = 15_000;

  private final List<String> report = new ArrayList<>();

  @Test
  void leasesAndTimersEndByLogTimeUnderLeadersTwentyMinutesApart() {
    var options =
        new ClusterOptions(
                Path.of(
                    System.getProperty("chaos.dir", "target/chaos"),
                    "wrong-clocks-" + Long.toString(System.currentTimeMillis(), 36)),
                Distribution.find(),
                new PortPlan.Free(ChaosPlan.givenOrNewSeed().random()))
            .withNodeJvm(Map.of("n2", List.of(offset(600_000)), "n3", List.of(offset(-600_000))));
    LocalCluster cluster = LocalCluster.create(options, new ClientBootstrap());
    var guard = new KillOnExit(cluster);
    try {
      cluster.start(LocalCluster.START_DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints())) {
        client.admin().createTopic(PLAIN, 1);
        client.admin().createTopic(TIMERS, TopicType.DELAY, 1, Duration.ZERO);
        // Log time begins with the first leader's clock, whichever that is, and keeps to its pace.
        lead(client, cluster, "n2", false);
        step(client, cluster, "n3", false);
        step(client, cluster, "n1", true);
        step(client, cluster, "n2", false);
      }
      cluster.stop(Duration.ofSeconds(5));
      ClusterFolder.delete(options.dir());
    } finally {
      cluster.killEverything();
      guard.close();
      System.out.println(String.join("\n", report));
    }
  }

  private static String offset(long millis) {
    return "-D" + BrokerMain.CLOCK_OFFSET + "=" + millis;
  }

  /** A lease and a timer that begin under this leader and end under the next one. */
  private void step(KeelClient client, LocalCluster cluster, String next, boolean byKill) {
    Node leader = cluster.leader();
    try (Consumer hasty = consumer(client, PLAIN);
        Consumer other = consumer(client, TIMERS);
        Producer producer = client.producer().deliveryTimeout(OPEN).open()) {
      producer.sendSync(OutgoingMessage.builder(PLAIN).body("lease").build());
      ConsumedMessage taken = next(hasty);
      assertEquals(1, taken.attempt());
      // Log time of now, as the brokers count it: a delay by this machine's clock would be minutes.
      Instant logNow = taken.deadline().minusMillis(LEASE_MILLIS);
      long leasedNanos = System.nanoTime();
      producer.sendSync(
          OutgoingMessage.builder(TIMERS)
              .body("timer")
              .deliverAt(logNow.plusMillis(DELAY_MILLIS))
              .build());

      lead(client, cluster, next, byKill);

      ConsumedMessage again = next(hasty);
      long againMillis = millisSince(leasedNanos);
      ConsumedMessage due = next(other);
      long dueMillis = millisSince(leasedNanos);
      note(leader.id(), next, againMillis, dueMillis);
      assertEquals(taken.offset(), again.offset());
      assertEquals(2, again.attempt());
      assertBetween("the lease of " + LEASE_MILLIS, LEASE_MILLIS, againMillis);
      assertBetween("the timer of " + DELAY_MILLIS, DELAY_MILLIS, dueMillis);
      again.ack().join();
      due.ack().join();
    }
    if (byKill) {
      cluster.startNode(leader);
      cluster.awaitReady(List.of(leader), LocalCluster.START_DEADLINE);
    }
  }

  private static Consumer consumer(KeelClient client, String topic) {
    return client
        .consumer()
        .group("clocks-" + topic)
        .topic(topic)
        .invisibleDuration(Duration.ofMillis(LEASE_MILLIS))
        .renew(false)
        .openTimeout(OPEN)
        .open();
  }

  private static ConsumedMessage next(Consumer consumer) {
    long endNanos = System.nanoTime() + OPEN.toNanos();
    while (System.nanoTime() - endNanos < 0) {
      try {
        List<ConsumedMessage> messages = consumer.receive(1, Duration.ofSeconds(1));
        if (!messages.isEmpty()) {
          return messages.get(0);
        }
      } catch (Unavailable e) {
        // An election, in which it keeps trying.
        Thread.onSpinWait();
      }
    }
    throw new AssertionError("no message in " + OPEN);
  }

  /** Moves leadership until that node leads. */
  private static void lead(KeelClient client, LocalCluster cluster, String node, boolean byKill) {
    Node leader = cluster.leader();
    if (byKill) {
      cluster.kill(leader);
      leader = cluster.leader();
    }
    for (int i = 0; i < 5 && !leader.id().equals(node); i++) {
      client.admin().transferLeadership(GROUP, node);
      leader = cluster.leader();
    }
    assertEquals(node, leader.id());
  }

  private static void assertBetween(String what, long millis, long measuredMillis) {
    assertTrue(
        measuredMillis >= millis / (1 + SLEW) - SLACK_MILLIS,
        () -> what + " ms was over after " + measuredMillis + " ms");
    assertTrue(
        measuredMillis <= millis / (1 - SLEW) + LATE_MILLIS,
        () -> what + " ms was over only after " + measuredMillis + " ms");
  }

  private static long millisSince(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos).toMillis();
  }

  private void note(String from, String to, long leaseMillis, long timerMillis) {
    report.add(
        String.format(
            Locale.ROOT,
            "  from %s to %s: a lease of %d ms came again after %d ms, a timer of %d ms after %d ms",
            from,
            to,
            LEASE_MILLIS,
            leaseMillis,
            DELAY_MILLIS,
            timerMillis));
  }
}
