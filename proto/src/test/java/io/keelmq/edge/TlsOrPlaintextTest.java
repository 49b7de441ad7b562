package io.keelmq.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.grpc.protobuf.services.HealthStatusManager;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TlsOrPlaintextTest {

  private static final int GREETING_MILLIS = 1_000;
  private static final int TEST_DEADLINE_MILLIS = 60_000;

  private final ServerCertificate certificate =
      ServerCertificate.fresh(List.of("localhost", "127.0.0.1"), Instant.now());
  private Server server;

  @BeforeEach
  void start() throws Exception {
    var health = new HealthStatusManager();
    server =
        NettyServerBuilder.forAddress(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                TlsOrPlaintext.credentials(certificate))
            .handshakeTimeout(GREETING_MILLIS, TimeUnit.MILLISECONDS)
            .addService(health.getHealthService())
            .build()
            .start();
  }

  @AfterEach
  void stop() throws Exception {
    server.shutdownNow();
    assertTrue(server.awaitTermination(TEST_DEADLINE_MILLIS, TimeUnit.MILLISECONDS));
  }

  @Test
  void servesPlaintext() throws Exception {
    assertServes(NettyChannelBuilder.forAddress("127.0.0.1", server.getPort()).usePlaintext());
  }

  @Test
  void servesTlsThatTrustsEveryone() throws Exception {
    assertServes(
        tls()
            .sslContext(
                GrpcSslContexts.forClient()
                    .trustManager(InsecureTrustManagerFactory.INSTANCE)
                    .build()));
  }

  @Test
  void servesTlsThatTrustsThisCertificateAndAddress() throws Exception {
    assertServes(
        tls()
            .sslContext(
                GrpcSslContexts.forClient()
                    .trustManager(
                        new ByteArrayInputStream(
                            certificate.chainPem().getBytes(StandardCharsets.US_ASCII)))
                    .build()));
  }

  @Test
  void isNotTrustedByWhoAsksAnAuthority() throws Exception {
    var channel = tls().sslContext(GrpcSslContexts.forClient().build()).build();
    try {
      assertThrows(StatusRuntimeException.class, () -> check(channel));
    } finally {
      channel.shutdownNow();
    }
  }

  @Test
  void closesWhatBeginsOtherwise() throws Exception {
    var random = new SplittableRandom(3);
    for (String head :
        List.of("GET / HTTP/1.1\r\n\r\n", "\0", "PROXY TCP4 \r\n", "\u0016xxxxxxx")) {
      byte[] garbage = new byte[random.nextInt(0, 4_000)];
      random.nextBytes(garbage);
      try (var socket = connect()) {
        OutputStream out = socket.getOutputStream();
        out.write(head.getBytes(StandardCharsets.ISO_8859_1));
        out.write(garbage);
        awaitClosed(socket);
      }
    }
    servesPlaintext();
  }

  @Test
  void closesWhoSaysNothing() throws Exception {
    try (var socket = connect()) {
      awaitClosed(socket);
    }
  }

  @Test
  void closesWhoBeginsAHandshakeAndStops() throws Exception {
    try (var socket = connect()) {
      socket.getOutputStream().write(new byte[] {22, 3, 1, 2});
      awaitClosed(socket);
    }
  }

  @Test
  void waitsForASlowFirstByte() throws Exception {
    try (var socket = connect()) {
      // The bytes come one by one, as slow as a segment each can make them.
      socket.setTcpNoDelay(true);
      for (byte one : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII)) {
        socket.getOutputStream().write(one);
        socket.getOutputStream().flush();
      }
      // An empty SETTINGS frame; the server's own begins with its length, which is not empty.
      socket.getOutputStream().write(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});

      byte[] head = socket.getInputStream().readNBytes(4);
      assertEquals(4, head.length);
      assertEquals(4, head[3], "SETTINGS");
    }
  }

  @Test
  void saysWhatIsWrongWithACertificate() {
    var broken = new ServerCertificate(certificate.chainPem(), "no key", "a.crt and a.key");

    String message =
        assertThrows(IOException.class, () -> TlsOrPlaintext.credentials(broken)).getMessage();

    assertTrue(message.startsWith("a.crt and a.key: expected a certificate chain"), message);
  }

  private NettyChannelBuilder tls() {
    return NettyChannelBuilder.forAddress("127.0.0.1", server.getPort());
  }

  private static void assertServes(NettyChannelBuilder builder) throws InterruptedException {
    ManagedChannel channel = builder.build();
    try {
      assertEquals(ServingStatus.SERVING, check(channel));
    } finally {
      channel.shutdownNow();
      channel.awaitTermination(TEST_DEADLINE_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private static ServingStatus check(ManagedChannel channel) {
    return HealthGrpc.newBlockingStub(channel)
        .withDeadlineAfter(TEST_DEADLINE_MILLIS, TimeUnit.MILLISECONDS)
        .check(HealthCheckRequest.getDefaultInstance())
        .getStatus();
  }

  private Socket connect() throws IOException {
    var socket = new Socket(InetAddress.getLoopbackAddress(), server.getPort());
    socket.setSoTimeout(TEST_DEADLINE_MILLIS);
    return socket;
  }

  /** Reads whatever comes until the other end closes; a time-out fails the test. */
  private static void awaitClosed(Socket socket) throws IOException {
    try {
      socket.getInputStream().readAllBytes();
    } catch (SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      assertTrue(e.getMessage().contains("reset"), e.toString());
    }
  }
}
