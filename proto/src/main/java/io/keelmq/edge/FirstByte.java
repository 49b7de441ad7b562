package io.keelmq.edge;

import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiationEvent;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandler;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.handler.codec.ByteToMessageDecoder;
import java.util.List;
import java.util.function.Supplier;

/**
 * Waits for the first byte of a connection and lets the negotiator take over that understands it. A
 * connection that begins with neither a TLS handshake nor HTTP/2's preface is closed. Owned by the
 * connection's event loop.
 *
 * <p>One byte is enough: a TLS record of a handshake begins with 22, the preface with a P.
 */
final class FirstByte extends ByteToMessageDecoder {

  /** RFC 8446, 5.1: the content type of a handshake's record. */
  private static final int TLS_HANDSHAKE = 22;

  /** RFC 9113, 3.4: {@code PRI * HTTP/2.0}. */
  private static final int HTTP2_PREFACE = 'P';

  private final Supplier<ChannelHandler> tls;
  private final Supplier<ChannelHandler> plaintext;
  private Object negotiation;

  FirstByte(Supplier<ChannelHandler> tls, Supplier<ChannelHandler> plaintext) {
    this.tls = tls;
    this.plaintext = plaintext;
  }

  /** gRPC starts a negotiator by an event, which has to wait here until there is one. */
  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) throws Exception {
    if (event.getClass() == InternalProtocolNegotiationEvent.getDefault().getClass()) {
      negotiation = event;
    } else {
      super.userEventTriggered(context, event);
    }
  }

  @Override
  protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
    switch (in.getUnsignedByte(in.readerIndex())) {
      case TLS_HANDSHAKE -> handOver(context, tls.get());
      case HTTP2_PREFACE -> handOver(context, plaintext.get());
      default -> {
        in.skipBytes(in.readableBytes());
        context.close();
      }
    }
  }

  private void handOver(ChannelHandlerContext context, ChannelHandler negotiator) {
    context.pipeline().addAfter(context.name(), null, negotiator);
    context.fireUserEventTriggered(negotiation);
    // Passes on what was read, so it comes last.
    context.pipeline().remove(this);
  }
}
