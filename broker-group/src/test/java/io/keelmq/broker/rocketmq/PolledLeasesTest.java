package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.StateView;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Leases that the server keeps up, for a client that is alive all the while. */
class PolledLeasesTest {

  private static final int ASKING = 4;

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

  /** From when the other replicas have told what they passed on to clients. */
  private void awaitReached(int leader, int leases) {
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> cluster.stats(leader).reachedLeases() == leases);
  }

  private void skipUntilDisowned(int leader, long before, long millis) {
    skip(millis);
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> newestDeadline() < before);
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> cluster.stats(leader).disownedLeases() == 1);
  }

  /** Of a poll that a replica passed on and that nobody tells of: that replica has died since. */
  private TestSdk.Received receiveUntold(ReceiveMessageRequest.Builder poll) {
    return sdk(0).put("keelmq-hop", "1").put("keelmq-tells-of-reached", "1").receive(poll);
  }

  private void comesAgain(int node) {
    TestSdk.Received again = sdk(node).receive(kept());
    assertEquals(List.of("m1"), again.ids());
    assertEquals(2, attempt(again));
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
  void keepsUpWhatAnotherReplicaHasHandedOn() {
    sendAndReceive(2, "m1");
    awaitReached(0, 1);

    for (int i = 0; i < 5; i++) {
      skipToTheNextLook();
      passTime(PolledLeases.LOOK_EVERY_MILLIS);
    }

    assertEquals(0, cluster.stats(0).disownedLeases());
    assertEquals(Code.MESSAGE_NOT_FOUND, findsNothing(1).code());
  }

  private TestSdk.Received findsNothing(int node) {
    return sdk(node).receive(kept().setLongPollingTimeout(Times.duration(0)));
  }

  /** The other replica died with the answer in its hands. */
  @Test
  void doesNotKeepUpWhatAnotherReplicaDoesNotTellOf() {
    sdk(0).send("t", "m1");
    receiveUntold(kept());

    skipUntilDisowned(0, newestDeadline(), PolledLeases.FIRST_LOOK_MILLIS + 1);
    passTime(PolledLeases.DOUBTFUL_MILLIS + 1);

    comesAgain(0);
  }

  @Test
  void aReplicaOfAnEarlierVersionTellsNothingAndIsBelieved() {
    sdk(0).send("t", "m1");
    sdk(0).put("keelmq-hop", "1").receive(kept());

    skipToTheNextLook();

    assertEquals(0, cluster.stats(0).disownedLeases());
  }

  @Test
  void theNextLeaderIsToldWhatHasReachedItsClient() {
    sendAndReceive(2, "m1");
    awaitReached(0, 1);

    cluster.group.elect(1);
    sdk(1).receive(kept().setLongPollingTimeout(Times.duration(0)));
    awaitReached(1, 1);
    skipToTheNextLook();
    passTime(PolledLeases.LOOK_EVERY_MILLIS);

    assertEquals(0, cluster.stats(1).disownedLeases());
    assertEquals(Code.MESSAGE_NOT_FOUND, findsNothing(1).code());
  }

  /** Also what it has answered itself, as one that hands over. */
  @Test
  void theNextLeaderIsToldByTheOneBefore() {
    sendAndReceive(0, "m1");

    cluster.group.elect(1);
    sdk(1).receive(kept().setLongPollingTimeout(Times.duration(0)));
    awaitReached(1, 1);
    skipToTheNextLook();

    assertEquals(0, cluster.stats(1).disownedLeases());
  }

  @Test
  void aRepeatOfAPollGetsUnderTheNextLeaderWhatItWasGiven() {
    sdk(0).send("t", "m1");
    // The answer is lost with the leader.
    sdk(0).receive(kept().setAttemptId("a1"));

    cluster.group.elect(1);
    TestSdk.Received again = sdk(1).receive(kept().setAttemptId("a1"));

    assertEquals(List.of("m1"), again.ids());
    assertEquals(1, attempt(again));
    skipToTheNextLook();
    assertEquals(0, cluster.stats(1).disownedLeases());
    var acked = sdk(1).ack("g", "t", again.handle());
    assertEquals(Code.OK, acked.getEntries(0).getStatus().getCode());
  }

  @Test
  void whatNoPollAsksForAgainUnderTheNextLeaderIsDisowned() {
    sdk(0).send("t", "m1");
    receiveUntold(kept().setAttemptId("a1"));
    long before = newestDeadline();

    cluster.group.elect(1);
    sdk(1).receive(kept().setAttemptId("a2").setLongPollingTimeout(Times.duration(0)));
    skipUntilDisowned(1, before, PolledLeases.HEARD_OF_MILLIS);
    passTime(PolledLeases.DOUBTFUL_MILLIS + 1);

    comesAgain(1);
  }

  @Test
  void aLeaseThatItsClientMayNotKnowEndsHoweverManyLeadersDie() {
    sdk(0).send("t", "m1");
    receiveUntold(kept());

    for (int leader = 1; leader < 3; leader++) {
      long before = newestDeadline();
      cluster.group.elect(leader);
      if (leader == 1) {
        skipUntilDisowned(1, before, PolledLeases.HEARD_OF_MILLIS);
      }
      // The client is alive all the while.
      sdk(2).receive(kept().setLongPollingTimeout(Times.duration(0)));
      passTime(9_000);
      skip(9_000);
    }
    passTime(4_000);

    comesAgain(2);
  }

  /** Goal: whoever asks waits until it is known. Method: all who ask at once must find it. */
  @Test
  void findsWhatEarlierLeadersLeasedForAllWhoAskAtOnce() throws Exception {
    sdk(0).send("t", "m1");
    sdk(0).receive(kept().setAttemptId("a1"));
    cluster.group.elect(1);
    StateView state = cluster.group.state();
    var edge = cluster.edge(1);
    var threads = Executors.newFixedThreadPool(ASKING);
    try {
      for (int round = 0; round < 50; round++) {
        var book =
            new PolledLeases(
                edge, state.consumerGroup("g").orElseThrow(), state.topic("t").orElseThrow(), 2);
        var together = new CyclicBarrier(ASKING);
        Callable<Integer> asks =
            () -> {
              together.await();
              book.load();
              return book.of("client", PolledLeases.stored("a1", true)).size();
            };
        for (var found : threads.invokeAll(Collections.nCopies(ASKING, asks))) {
          assertEquals(1, found.get());
        }
      }
    } finally {
      threads.shutdownNow();
    }
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
