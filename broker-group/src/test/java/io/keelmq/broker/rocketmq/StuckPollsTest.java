package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.ReceiveMessageResponse;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StuckPollsTest {

  /** Of what is delivered and not taken, for all consumers of a replica. */
  private static final long ROOM_BYTES = 32 << 20;

  private static final int BODY_BYTES = 500_000;
  private static final int MESSAGES = 100;

  private final AtomicLong skippedNanos = new AtomicLong();
  private ApiCluster cluster;
  private ManagedChannel connection;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(3, 1), 1, () -> System.nanoTime() + skippedNanos.get());
    TestSdk.recordMembers(cluster, 1);
    cluster.createTopic("t", 1);
    connection =
        NettyChannelBuilder.forAddress("127.0.0.1", cluster.port(0))
            .usePlaintext()
            .flowControlWindow(64 << 10)
            .build();
  }

  @AfterEach
  void stop() {
    connection.shutdownNow();
    cluster.close();
  }

  private static void eventually(Callable<Boolean> condition) {
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(condition);
  }

  /** A poll that reads nothing of its answer before the test lets it. */
  private ClientCall<ReceiveMessageRequest, ReceiveMessageResponse> pollIdly(
      CompletableFuture<Status> ended) {
    var headers = new Metadata();
    headers.put(Metadata.Key.of("x-mq-client-id", Metadata.ASCII_STRING_MARSHALLER), "idle");
    ClientCall<ReceiveMessageRequest, ReceiveMessageResponse> call =
        connection.newCall(MessagingServiceGrpc.getReceiveMessageMethod(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            ended.complete(status);
          }
        },
        headers);
    call.sendMessage(TestSdk.receive("g", "t").setBatchSize(1).build());
    call.halfClose();
    return call;
  }

  @Test
  void pollsThatReadNothingMakeRoomForOthers() throws Exception {
    var sdk = new TestSdk(cluster, 0, "client");
    ByteString body = ByteString.copyFrom(new byte[BODY_BYTES]);
    for (int i = 0; i < MESSAGES; i++) {
      sdk.send(TestSdk.message("t", "m" + i, system -> {}).toBuilder().setBody(body).build());
    }
    var ended = new CompletableFuture<Status>();
    var idle = pollIdly(ended);
    eventually(() -> cluster.stats(0).undeliveredBytes() >= BODY_BYTES);
    while (cluster.stats(0).undeliveredBytes() < ROOM_BYTES) {
      long before = cluster.stats(0).undeliveredBytes();
      pollIdly(new CompletableFuture<>());
      eventually(() -> cluster.stats(0).undeliveredBytes() > before);
    }
    var received =
        CompletableFuture.supplyAsync(() -> sdk.receive(TestSdk.receive("g", "t").setBatchSize(1)));

    skippedNanos.addAndGet(Duration.ofSeconds(11).toNanos());

    TestSdk.Received one = received.get(60, TimeUnit.SECONDS);
    assertEquals(1, one.messages().size());
    assertEquals(1, one.messages().get(0).getSystemProperties().getDeliveryAttempt());
    idle.request(MESSAGES);
    assertTrue(!ended.get(60, TimeUnit.SECONDS).isOk(), "the call is reset");
    assertTrue(cluster.stats(0).refused().get(Code.TOO_MANY_REQUESTS) > 0);
    eventually(() -> cluster.stats(0).undeliveredBytes() < ROOM_BYTES);
  }
}
