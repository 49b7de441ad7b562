package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.StateView;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Leases that the server keeps up, for a client that is alive all the while. */
class PolledLeasesTest {

  private final AtomicLong skippedNanos = new AtomicLong();
  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(7, 3), 3, () -> System.nanoTime() + skippedNanos.get());
    TestSdk.recordMembers(cluster, 3);
    cluster.createTopic("t", 1);
    for (int node = 0; node < 3; node++) {
      sdk(node).asyncCalls().telemetry(new Discarded<>());
    }
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private TestSdk sdk(int node) {
    return new TestSdk(cluster, node, "client");
  }

  private static ReceiveMessageRequest.Builder kept() {
    return TestSdk.receive("g", "t").clearInvisibleDuration().setAutoRenew(true);
  }

  private void passTime(long millis) {
    cluster.group.passTime(millis);
    cluster.group.apply(new Command.AdvanceTime());
  }

  private void skip(long millis) {
    skippedNanos.addAndGet(Duration.ofMillis(millis).toNanos());
  }

  /** Log time at which the newest lease ends. */
  private long newestDeadline() {
    StateView state = cluster.group.state();
    List<StateView.Batch> leased =
        state.leased(
            state.consumerGroup("g").orElseThrow().id(),
            state.topic("t").orElseThrow().id(),
            0,
            Optional.empty(),
            10);
    return leased.get(leased.size() - 1).deadlineMillis();
  }

  /** Returns when the newest lease, and so all that are due with it, were looked at. */
  private void skipToTheNextLook() {
    long before = newestDeadline();
    skip(PolledLeases.LOOK_EVERY_MILLIS + 1_000);
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> newestDeadline() != before);
  }

  private void sendAndReceive(int node, String id) {
    sdk(node).send("t", id);
    assertEquals(List.of(id), sdk(node).receive(kept()).ids());
  }

  private static int attempt(TestSdk.Received received) {
    return received.messages().get(0).getSystemProperties().getDeliveryAttempt();
  }

  @Test
  void whatAClientPutsOffComesAgainUnderTheNextLeader() {
    sdk(0).send("t", "m1");
    String handle = sdk(0).receive(kept()).handle();
    assertEquals(Code.OK, sdk(0).change("g", "t", handle, 20_000).getStatus().getCode());

    cluster.group.elect(1);
    sendAndReceive(1, "m2");
    passTime(10_000);
    skipToTheNextLook();
    passTime(11_000);

    TestSdk.Received again = sdk(1).receive(kept());
    assertEquals(List.of("m1"), again.ids());
    assertEquals(2, attempt(again));
  }

  @Test
  void whatAClientPutOffCanBePutOffOnceMoreAndAcknowledged() {
    sdk(0).send("t", "m1");
    String handle = sdk(0).receive(kept()).handle();

    var off = sdk(1).change("g", "t", handle, 20_000);
    assertEquals(Code.OK, off.getStatus().getCode());
    off = sdk(2).change("g", "t", off.getReceiptHandle(), 60_000);
    assertEquals(Code.OK, off.getStatus().getCode());
    passTime(30_000);

    var acked = sdk(1).ack("g", "t", off.getReceiptHandle());
    assertEquals(Code.OK, acked.getEntries(0).getStatus().getCode());
    StateView state = cluster.group.state();
    long group = state.consumerGroup("g").orElseThrow().id();
    long topic = state.topic("t").orElseThrow().id();
    assertEquals(0, state.cursor(group, topic, 0).orElseThrow().leased());
  }

  @Test
  void endsALeaseThatWasKeptUpForTooLong() {
    sendAndReceive(0, "m1");
    skipToTheNextLook();
    // Of the lease of m1: 40 s from now.
    skip(PolledLeases.KEPT_AT_MOST_MILLIS);
    sendAndReceive(0, "m2");
    passTime(30_000);
    skipToTheNextLook();
    passTime(11_000);

    TestSdk.Received again = sdk(0).receive(kept());
    assertEquals(List.of("m1"), again.ids());
    assertEquals(2, attempt(again));
  }
}
