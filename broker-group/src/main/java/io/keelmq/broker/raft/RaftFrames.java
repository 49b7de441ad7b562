package io.keelmq.broker.raft;

import com.alipay.remoting.CommandDecoder;
import com.alipay.remoting.CommandEncoder;
import com.alipay.remoting.CommandFactory;
import com.alipay.remoting.CommandHandler;
import com.alipay.remoting.HeartbeatTrigger;
import com.alipay.remoting.Protocol;
import com.alipay.remoting.ProtocolManager;
import com.alipay.remoting.exception.CodecException;
import com.alipay.remoting.rpc.RpcRemoting;
import com.alipay.remoting.rpc.protocol.RpcProtocol;
import com.alipay.remoting.rpc.protocol.RpcProtocolV2;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import java.util.List;

/**
 * Refuses frames that no member sends, before Bolt makes room for what they announce.
 *
 * <p>Bolt (1.6.12, {@code RpcCommandDecoder}) believes the lengths in a frame's head: 30 bytes that
 * announce 2 GiB overflow its sum of lengths and end in an array of 2 GiB, an OutOfMemoryError, and
 * with it the process. Anyone who reaches the Raft port could end a whole group so. Here such a
 * connection is closed. Bolt's protocols are shared by the process, so these are too; stateless.
 */
final class RaftFrames {

  /** More than the largest entry, and than a batch of smaller ones, with what is around them. */
  static final int MAX_CONTENT_BYTES = 16 << 20;

  private static final byte RESPONSE = 0;

  static {
    try {
      // It registers Bolt's protocols when it is initialized, and would not replace ours.
      Class.forName(RpcRemoting.class.getName());
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
    bound(RpcProtocol.PROTOCOL_CODE, 0);
    bound(RpcProtocolV2.PROTOCOL_CODE, 2);
  }

  private RaftFrames() {}

  /** To be called before the first connection; the work is done once. */
  static void ensure() {
    // The static part has run.
  }

  /**
   * @param extra how much longer the heads of this protocol are than those of the first
   */
  private static void bound(byte code, int extra) {
    Protocol protocol = ProtocolManager.unRegisterProtocol(code);
    ProtocolManager.registerProtocol(
        new Bounded(protocol, new Decoder(protocol.getDecoder(), extra)), code);
  }

  private record Bounded(Protocol bolt, CommandDecoder decoder) implements Protocol {
    @Override
    public CommandEncoder getEncoder() {
      return bolt.getEncoder();
    }

    @Override
    public CommandDecoder getDecoder() {
      return decoder;
    }

    @Override
    public HeartbeatTrigger getHeartbeatTrigger() {
      return bolt.getHeartbeatTrigger();
    }

    @Override
    public CommandHandler getCommandHandler() {
      return bolt.getCommandHandler();
    }

    @Override
    public CommandFactory getCommandFactory() {
      return bolt.getCommandFactory();
    }
  }

  /** Looks at the head of a frame as soon as all of it is there, and moves nothing. */
  private record Decoder(CommandDecoder bolt, int extra) implements CommandDecoder {

    @Override
    public void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out)
        throws Exception {
      requireBounded(in);
      bolt.decode(context, in, out);
    }

    private void requireBounded(ByteBuf in) throws CodecException {
      // Version 1: code, type. Version 2 has its version in between.
      int typeAt = extra == 0 ? 1 : 2;
      if (in.readableBytes() <= typeAt) {
        return;
      }
      int from = in.readerIndex();
      // A response has a status of 2 bytes where a request has a timeout of 4.
      int lengthsAt = (in.getByte(from + typeAt) == RESPONSE ? 12 : 14) + extra;
      if (in.readableBytes() < lengthsAt + 8) {
        return;
      }
      short name = in.getShort(from + lengthsAt);
      short header = in.getShort(from + lengthsAt + 2);
      int content = in.getInt(from + lengthsAt + 4);
      if (name < 0 || header < 0 || content < 0 || content > MAX_CONTENT_BYTES) {
        throw new CodecException(
            "a frame announces %d, %d and %d bytes, expected at most %d of content"
                .formatted(name, header, content, MAX_CONTENT_BYTES));
      }
    }
  }
}
