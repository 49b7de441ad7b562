package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Clients whose streams break; replica 0 leads. */
class SignsOfLifeTest {

  private final AtomicLong skippedNanos = new AtomicLong();
  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(5, 3), 3, () -> System.nanoTime() + skippedNanos.get());
    TestSdk.recordMembers(cluster, 3);
    cluster.createTopic("t", 1);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private static ReceiveMessageRequest.Builder kept() {
    return TestSdk.receive("g", "t").clearInvisibleDuration().setAutoRenew(true);
  }

  /** Opens a stream; cancelled, it breaks. */
  private static CancellableContext open(TestSdk sdk) {
    CancellableContext context = Context.current().withCancellation();
    context.run(() -> sdk.asyncCalls().telemetry(new Discarded<>()));
    return context;
  }

  // Two clients lose their connections to one follower. One of them is at the other follower within
  // a second or two, the other one is dead. When the dead one's messages come, the living one's
  // would have come too.
  @Test
  void tellsAClientThatConnectsElsewhereFromOneThatIsDead() {
    var living = new TestSdk(cluster, 1, "living");
    var dead = new TestSdk(cluster, 1, "dead");
    CancellableContext ofLiving = open(living);
    CancellableContext ofDead = open(dead);
    living.send("t", "m1");
    String handle = living.receive(kept()).handle();
    living.send("t", "m2");
    assertEquals(List.of("m2"), dead.receive(kept()).ids());

    skippedNanos.addAndGet(Duration.ofSeconds(2).toNanos());
    ofLiving.cancel(null);
    var again = new TestSdk(cluster, 2, "living");
    CancellableContext elsewhere = open(again);
    ofDead.cancel(null);

    var other = new TestSdk(cluster, 0, "other");
    assertEquals(List.of("m2"), other.receive(kept()).ids());
    assertEquals(Code.OK, again.ack("g", "t", handle).getEntries(0).getStatus().getCode());
    elsewhere.cancel(null);
  }
}
