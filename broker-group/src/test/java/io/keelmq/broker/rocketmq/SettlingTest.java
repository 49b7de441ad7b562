package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a client is told that settles a message which is not its any more. */
class SettlingTest {

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(9, 3);
    TestSdk.recordMembers(cluster, 3);
    cluster.createTopic("t", 1);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private TestSdk sdk(String clientId) {
    return new TestSdk(cluster, 1, clientId);
  }

  private Code change(String clientId, String handle, long millis) {
    return sdk(clientId).change("g", "t", handle, millis).getStatus().getCode();
  }

  @Test
  void refusesToPutOffWhatAnotherHas() {
    sdk("a").send("t", "m1");
    String cut =
        sdk("a")
            .receive(TestSdk.receive("g", "t").clearInvisibleDuration().setAutoRenew(true))
            .handle();
    sdk("a").calls().notifyClientTermination(NotifyClientTerminationRequest.getDefaultInstance());
    String handle = sdk("b").receive(TestSdk.receive("g", "t")).handle();

    assertEquals(Code.INVALID_RECEIPT_HANDLE, change("a", cut, 20_000));
    assertEquals(Code.OK, change("b", handle, 20_000));
  }

  @Test
  void refusesToExtendWhatWasGivenBack() {
    sdk("a").send("t", "m1");
    String handle = sdk("a").receive(TestSdk.receive("g", "t")).handle();
    assertEquals(Code.OK, change("a", handle, 0));

    assertEquals(Code.INVALID_RECEIPT_HANDLE, change("a", handle, 20_000));

    String again = sdk("b").receive(TestSdk.receive("g", "t")).handle();
    assertEquals(Code.OK, sdk("b").ack("g", "t", again).getEntries(0).getStatus().getCode());
    assertEquals(Code.OK, change("b", again, 20_000), "it is settled: there is nothing to change");
  }
}
