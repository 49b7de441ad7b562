package io.keelmq.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.QueryRouteResponse;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.ReceiveMessageResponse;
import io.keelmq.rocketmq.v2.Status;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls of SDKs, signed and not, over real gRPC. */
class SignedCallsTest {

  private static final String TIME = "20261126T040000Z";

  @TempDir Path folder;
  private Server server;
  private ManagedChannel channel;

  private MessagingServiceGrpc.MessagingServiceBlockingStub start(Users users) throws Exception {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .directExecutor()
            .addService(
                ServerInterceptors.interceptForward(new SaysWhoCalls(), new SignatureCheck(users)))
            .build()
            .start();
    channel = NettyChannelBuilder.forAddress("127.0.0.1", server.getPort()).usePlaintext().build();
    return MessagingServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() throws Exception {
    channel.shutdownNow();
    server.shutdownNow();
    assertTrue(server.awaitTermination(60, TimeUnit.SECONDS));
  }

  @Test
  void whoSignsIsKnownToTheService() throws Exception {
    var stub = start(users());

    var response = stub.withInterceptors(signed("alice", "secret-1")).queryRoute(anyRoute());

    assertEquals(Code.OK, response.getStatus().getCode());
    assertEquals("alice", response.getStatus().getMessage());
  }

  @Test
  void whoDoesNotIsUnauthorized() throws Exception {
    var stub = start(users());

    for (var call :
        List.of(
            stub,
            stub.withInterceptors(signed("alice", "guessed")),
            stub.withInterceptors(signed("eve", "secret-1")),
            stub.withInterceptors(header("MQv2-HMAC-SHA1 Credential=,")))) {
      assertEquals(Code.UNAUTHORIZED, call.queryRoute(anyRoute()).getStatus().getCode());
      var received = call.receiveMessage(ReceiveMessageRequest.getDefaultInstance());
      assertEquals(Code.UNAUTHORIZED, received.next().getStatus().getCode());
      assertTrue(!received.hasNext());
    }
  }

  @Test
  void withoutUsersAnyHeaderPasses() throws Exception {
    var stub = start(Users.none());

    for (var call : List.of(stub, stub.withInterceptors(header("MQv2-HMAC-SHA1 Credential=,")))) {
      var response = call.queryRoute(anyRoute());

      assertEquals(Code.OK, response.getStatus().getCode());
      assertEquals("", response.getStatus().getMessage());
    }
  }

  private Users users() throws Exception {
    return Users.read(Files.writeString(folder.resolve("users"), "alice=secret-1\n"));
  }

  private static QueryRouteRequest anyRoute() {
    return QueryRouteRequest.getDefaultInstance();
  }

  private static ClientInterceptor signed(String user, String secret) throws Exception {
    Mac mac = Mac.getInstance("HmacSHA1");
    mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA1"));
    String signature = HexFormat.of().formatHex(mac.doFinal(TIME.getBytes(StandardCharsets.UTF_8)));
    return header(
        "MQv2-HMAC-SHA1 Credential="
            + user
            + ", SignedHeaders=x-mq-date-time, Signature="
            + signature);
  }

  private static ClientInterceptor header(String authorization) {
    var headers = new Metadata();
    headers.put(SignatureCheck.AUTHORIZATION, authorization);
    headers.put(SignatureCheck.DATE_TIME, TIME);
    return MetadataUtils.newAttachHeadersInterceptor(headers);
  }

  private static final class SaysWhoCalls extends MessagingServiceGrpc.MessagingServiceImplBase {

    @Override
    public void queryRoute(QueryRouteRequest request, StreamObserver<QueryRouteResponse> out) {
      out.onNext(
          QueryRouteResponse.newBuilder()
              .setStatus(
                  Status.newBuilder().setCode(Code.OK).setMessage(SignatureCheck.CALLER.get()))
              .build());
      out.onCompleted();
    }

    @Override
    public void receiveMessage(
        ReceiveMessageRequest request, StreamObserver<ReceiveMessageResponse> out) {
      throw new AssertionError("an unsigned call got through");
    }
  }
}
