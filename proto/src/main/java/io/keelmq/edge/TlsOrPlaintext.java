package io.keelmq.edge;

import io.grpc.ServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.InternalNettyServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiator;
import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiators;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandler;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.util.AsciiString;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * Serves TLS and plaintext on one port: SDKs of half of the languages begin with the one, the
 * others with the other, and neither can be told from afar. Thread-safe.
 *
 * <p>gRPC offers no public way to decide by connection. This uses the negotiators that it has
 * inside, through the classes it names {@code Internal...} for such extensions.
 */
public final class TlsOrPlaintext {

  /**
   * For the server's {@code handshakeTimeout}: a connection that has not made a choice and greeted
   * within this is closed.
   */
  public static final Duration GREETING_WITHIN = Duration.ofSeconds(10);

  private TlsOrPlaintext() {}

  /**
   * @throws IOException if certificate and key cannot be used; the message says what is wrong
   */
  public static ServerCredentials credentials(ServerCertificate certificate) throws IOException {
    SslContext context;
    try {
      context =
          GrpcSslContexts.forServer(pem(certificate.chainPem()), pem(certificate.keyPem())).build();
    } catch (IOException | RuntimeException e) {
      throw new IOException(
          certificate.source()
              + ": expected a certificate chain and its private key (PKCS #8, not encrypted), both"
              + " PEM, found "
              + deepest(e),
          e);
    }
    return InternalNettyServerCredentials.create(
        new Negotiator(
            InternalProtocolNegotiators.serverTls(context),
            InternalProtocolNegotiators.serverPlaintext()));
  }

  private static InputStream pem(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static String deepest(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause.toString();
  }

  /** Puts {@link FirstByte} in front of each connection. */
  private static final class Negotiator implements InternalProtocolNegotiator.ProtocolNegotiator {

    private final InternalProtocolNegotiator.ProtocolNegotiator tls;
    private final InternalProtocolNegotiator.ProtocolNegotiator plaintext;

    Negotiator(
        InternalProtocolNegotiator.ProtocolNegotiator tls,
        InternalProtocolNegotiator.ProtocolNegotiator plaintext) {
      this.tls = tls;
      this.plaintext = plaintext;
    }

    @Override
    public AsciiString scheme() {
      return plaintext.scheme();
    }

    @Override
    public ChannelHandler newHandler(GrpcHttp2ConnectionHandler connection) {
      return new FirstByte(
          () -> tls.newHandler(connection), () -> plaintext.newHandler(connection));
    }

    @Override
    public void close() {
      tls.close();
      plaintext.close();
    }
  }
}
