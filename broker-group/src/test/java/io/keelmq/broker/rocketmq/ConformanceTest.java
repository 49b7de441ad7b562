package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Duration;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.Command;
import io.keelmq.rocketmq.v2.ClientType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.EndTransactionRequest;
import io.keelmq.rocketmq.v2.FilterExpression;
import io.keelmq.rocketmq.v2.FilterType;
import io.keelmq.rocketmq.v2.GetOffsetRequest;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.PullMessageRequest;
import io.keelmq.rocketmq.v2.QueryAssignmentRequest;
import io.keelmq.rocketmq.v2.QueryOffsetRequest;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.SyncLiteSubscriptionRequest;
import io.keelmq.rocketmq.v2.TransactionResolution;
import io.keelmq.rocketmq.v2.UpdateOffsetRequest;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every limit of RocketMQ's proxy 5.4.0 but those of messages that are sent, for which there is
 * {@link SendConformanceTest}. Prints the table.
 */
class ConformanceTest {

  /** Stands for what gRPC says where the proxy has no method. */
  private static final String GRPC_UNIMPLEMENTED = "(gRPC UNIMPLEMENTED)";

  private ConformanceTable table;
  private ApiCluster cluster;
  private TestSdk sdk;

  @BeforeEach
  void start() throws Exception {
    table = new ConformanceTable();
    cluster = table.cluster;
    sdk = table.sdk;
    for (String topic : List.of("ack", "again", "changed", "expired", "mixed", "poll")) {
      cluster.createTopic(topic, 1);
    }
  }

  @AfterEach
  void stop() {
    table.close();
  }

  private Code route(String topic) {
    return sdk.calls()
        .queryRoute(QueryRouteRequest.newBuilder().setTopic(TestSdk.resource(topic)).build())
        .getStatus()
        .getCode();
  }

  private Code poll(String group, String topic) {
    return sdk.receive(TestSdk.receive(group, topic)).code();
  }

  private String received(String group, String topic) {
    assertEquals(Code.OK, table.send(topic, system -> {}));
    TestSdk.Received received = sdk.receive(TestSdk.receive(group, topic));
    assertEquals(Code.OK, received.code());
    return received.handle();
  }

  private Code ack(String group, String topic, String... handles) {
    return sdk.ack(group, topic, handles).getStatus().getCode();
  }

  private void passTime(long millis) {
    cluster.group.passTime(millis);
    cluster.group.apply(new Command.AdvanceTime());
  }

  private static String text(int bytes) {
    return "x".repeat(bytes);
  }

  @Test
  void answersNamesPollsAndSettlementsAsTheProxyDoes() {
    names();
    polls();
    settlements();
    rest();

    table.check();
  }

  private void names() {
    table.row(
        "no x-mq-client-id",
        Code.CLIENT_ID_REQUIRED,
        () ->
            new TestSdk(cluster, 1, "")
                .calls()
                .queryRoute(
                    QueryRouteRequest.newBuilder().setTopic(TestSdk.resource("NORMAL")).build())
                .getStatus()
                .getCode());
    table.row("topic empty (route)", Code.ILLEGAL_TOPIC, () -> route(""));
    table.row("topic blank (route)", Code.ILLEGAL_TOPIC, () -> route("  "));
    table.row("topic with '.' (route)", Code.ILLEGAL_TOPIC, () -> route("a.b"));
    table.row("topic of 127 (route)", Code.TOPIC_NOT_FOUND, () -> route(text(127)));
    table.row("topic of 128 (route)", Code.ILLEGAL_TOPIC, () -> route(text(128)));
    table.row("topic with '|' (route)", Code.TOPIC_NOT_FOUND, () -> route("a|b"));
    table.row("system topic (route)", Code.ILLEGAL_TOPIC, () -> route("rmq_sys_REVIVE_LOG_g0"));
    table.row("system topic (send)", Code.ILLEGAL_TOPIC, () -> table.send("TBW102", system -> {}));
    table.row("topic with '.' (send)", Code.ILLEGAL_TOPIC, () -> table.send("a.b", system -> {}));
    table.row("topic unknown (route)", Code.TOPIC_NOT_FOUND, () -> route("unheard"));
    table.row("topic unknown (receive)", Code.TOPIC_NOT_FOUND, () -> poll("g", "unheard"));
    table.improved(
        "topic unknown (send)",
        "MESSAGE_PROPERTY_CONFLICT_WITH_TYPE",
        Code.TOPIC_NOT_FOUND,
        () -> table.send("unheard", system -> {}));
    table.row("route without endpoints", Code.OK, () -> route("NORMAL"));
    table.row("group with '.'", Code.ILLEGAL_CONSUMER_GROUP, () -> poll("a.b", "NORMAL"));
    table.row("group empty", Code.ILLEGAL_CONSUMER_GROUP, () -> poll("", "NORMAL"));
    table.row("group of 121", Code.ILLEGAL_CONSUMER_GROUP, () -> poll(text(121), "NORMAL"));
  }

  private void polls() {
    long hours12 = 12 * 3_600;
    table.row("invisible for 9 s", Code.ILLEGAL_INVISIBLE_TIME, () -> invisible(9));
    table.row("invisible for 10 s", Code.OK, () -> invisible(10));
    table.row("invisible for 12 h", Code.OK, () -> invisible(hours12));
    table.row(
        "invisible for 12 h + 1 s", Code.ILLEGAL_INVISIBLE_TIME, () -> invisible(hours12 + 1));
    table.row(
        "invisible absent, not renewed",
        Code.ILLEGAL_INVISIBLE_TIME,
        () -> sdk.receive(TestSdk.receive("g", "poll").clearInvisibleDuration()).code());
    table.row(
        "invisible absent, renewed",
        Code.OK,
        () -> {
          table.send("poll", system -> {});
          return sdk.receive(
                  TestSdk.receive("g", "poll").clearInvisibleDuration().setAutoRenew(true))
              .code();
        });
    table.row(
        "batch of 0",
        Code.MESSAGE_NOT_FOUND,
        () -> sdk.receive(TestSdk.receive("g", "poll").setBatchSize(0)).code());
    table.row(
        "batch of 100: at most 32",
        Code.OK,
        () -> {
          for (int i = 0; i < 40; i++) {
            assertEquals(Code.OK, table.send("poll", system -> {}));
          }
          var received = sdk.receive(TestSdk.receive("g", "poll").setBatchSize(100));
          assertTrue(received.messages().size() <= 32, "got " + received.messages().size());
          return received.code();
        });
    table.row(
        "poll with a deadline of 4 s",
        Code.ILLEGAL_POLLING_TIME,
        () -> sdk.receive(TestSdk.receive("g", "poll"), 4_000).code());
    table.row(
        "the same by an SDK before 5.0.3",
        Code.BAD_REQUEST,
        () ->
            new TestSdk(cluster, 1, "old")
                .put("x-mq-client-version", "5.0.2")
                .receive(TestSdk.receive("g", "poll"), 4_000)
                .code());
    table.improved(
        "bad SQL",
        "INTERNAL_SERVER_ERROR",
        Code.ILLEGAL_FILTER_EXPRESSION,
        () ->
            sdk.receive(
                    TestSdk.receive("g", "poll")
                        .setFilterExpression(
                            FilterExpression.newBuilder()
                                .setType(FilterType.SQL)
                                .setExpression("a = = 1")))
                .code());
    table.improved(
        "receive without settings", "INTERNAL_SERVER_ERROR", Code.OK, () -> invisible(20));
  }

  private Code invisible(long seconds) {
    table.send("poll", system -> {});
    return sdk.receive(
            TestSdk.receive("g", "poll")
                .setBatchSize(1)
                .setInvisibleDuration(Duration.newBuilder().setSeconds(seconds)))
        .code();
  }

  private void settlements() {
    var handle = new String[2];
    table.row(
        "ack",
        Code.OK,
        () -> {
          handle[0] = received("g", "ack");
          return ack("g", "ack", handle[0]);
        });
    table.row("ack again", Code.OK, () -> ack("g", "ack", handle[0]));
    table.row(
        "ack of a superseded handle",
        Code.OK,
        () -> {
          handle[0] = received("g", "changed");
          var changed = sdk.change("g", "changed", handle[0], 20_000);
          assertEquals(Code.OK, changed.getStatus().getCode());
          handle[1] = changed.getReceiptHandle();
          return ack("g", "changed", handle[0]);
        });
    table.row(
        "ack of an expired handle",
        Code.INVALID_RECEIPT_HANDLE,
        () -> {
          handle[0] = received("g", "expired");
          passTime(31_000);
          return ack("g", "expired", handle[0]);
        });
    table.improved(
        "ack of garbage",
        "INTERNAL_SERVER_ERROR",
        Code.INVALID_RECEIPT_HANDLE,
        () -> ack("g", "ack", "garbage"));
    table.row(
        "ack of a good and a bad handle",
        Code.MULTIPLE_RESULTS,
        () -> ack("g", "mixed", received("g", "mixed"), "garbage"));
    table.row("change to 0 s", Code.OK, () -> change(received("g", "again"), 0));
    table.row("change to 12 h", Code.OK, () -> change(received("g2", "again"), 12 * 3_600_000L));
    table.row(
        "change to 12 h + 1 s",
        Code.ILLEGAL_INVISIBLE_TIME,
        () -> change(received("g3", "again"), 12 * 3_600_000L + 1_000));
  }

  private Code change(String handle, long millis) {
    for (String group : List.of("g", "g2", "g3")) {
      Code code = sdk.change(group, "again", handle, millis).getStatus().getCode();
      if (code != Code.INVALID_RECEIPT_HANDLE) {
        return code;
      }
    }
    return Code.INVALID_RECEIPT_HANDLE;
  }

  private void rest() {
    table.improved(
        "heartbeat without settings",
        "UNRECOGNIZED_CLIENT_TYPE",
        Code.OK,
        () ->
            sdk.calls()
                .heartbeat(HeartbeatRequest.newBuilder().setClientType(ClientType.PRODUCER).build())
                .getStatus()
                .getCode());
    table.improved(
        "termination without settings",
        "UNRECOGNIZED_CLIENT_TYPE",
        Code.OK,
        () ->
            sdk.calls()
                .notifyClientTermination(NotifyClientTerminationRequest.getDefaultInstance())
                .getStatus()
                .getCode());
    table.row("transaction id empty", Code.INVALID_TRANSACTION_ID, () -> endTransaction(""));
    table.row(
        "transaction id unknown", Code.INTERNAL_SERVER_ERROR, () -> endTransaction("unknown"));
    table.row(
        "transaction id of nothing that waits",
        Code.INTERNAL_SERVER_ERROR,
        () ->
            endTransaction(
                new HeldHandle(new io.keelmq.broker.state.HeldId(1, 1), "m").transactionId()));
    table.row(
        "bad recall handle",
        Code.INTERNAL_SERVER_ERROR,
        () ->
            sdk.calls()
                .recallMessage(
                    RecallMessageRequest.newBuilder()
                        .setTopic(TestSdk.resource("DELAY"))
                        .setRecallHandle("bad")
                        .build())
                .getStatus()
                .getCode());
    table.row(
        "assignment of an unknown group",
        Code.OK,
        () ->
            sdk.calls()
                .queryAssignment(
                    QueryAssignmentRequest.newBuilder()
                        .setTopic(TestSdk.resource("NORMAL"))
                        .setGroup(TestSdk.resource("never-heard"))
                        .build())
                .getStatus()
                .getCode());
    Resource none = Resource.getDefaultInstance();
    table.improved(
        "PullMessage",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls()
                .pullMessage(PullMessageRequest.getDefaultInstance())
                .next()
                .getStatus()
                .getCode());
    table.improved(
        "UpdateOffset",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls()
                .updateOffset(UpdateOffsetRequest.newBuilder().setGroup(none).build())
                .getStatus()
                .getCode());
    table.improved(
        "GetOffset",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () -> sdk.calls().getOffset(GetOffsetRequest.getDefaultInstance()).getStatus().getCode());
    table.improved(
        "QueryOffset",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls().queryOffset(QueryOffsetRequest.getDefaultInstance()).getStatus().getCode());
    table.improved(
        "SyncLiteSubscription",
        "(5.5 only)",
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls()
                .syncLiteSubscription(SyncLiteSubscriptionRequest.getDefaultInstance())
                .getStatus()
                .getCode());
  }

  private Code endTransaction(String id) {
    return sdk.calls()
        .endTransaction(
            EndTransactionRequest.newBuilder()
                .setTopic(TestSdk.resource("TRANSACTION"))
                .setMessageId("m")
                .setTransactionId(id)
                .setResolution(TransactionResolution.COMMIT)
                .build())
        .getStatus()
        .getCode();
  }
}
