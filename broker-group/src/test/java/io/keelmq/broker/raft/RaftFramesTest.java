package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.keelmq.broker.raft.GroupSnapshots.Published;
import io.keelmq.common.HostPort;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Heads of frames on a real Raft port; nothing follows them. */
class RaftFramesTest {

  private static final int WAIT_MILLIS = 30_000;
  private static final int NO_ANSWER_MILLIS = 300;

  private HostPort address;
  private RaftServer server;

  @BeforeEach
  void listen() throws IOException {
    try (var free = new ServerSocket(0)) {
      address = new HostPort("127.0.0.1", free.getLocalPort());
    }
    server = RaftServer.listen(address, () -> false, () -> Published.NONE);
  }

  @AfterEach
  void end() {
    server.close();
  }

  @Test
  void closesAConnectionThatAnnouncesMoreThanAnyMemberSends() throws IOException {
    for (int content : new int[] {RaftFrames.MAX_CONTENT_BYTES + 1, Integer.MAX_VALUE, -1}) {
      for (byte type = 0; type <= 2; type++) {
        assertEquals(-1, answer(first(type, content), WAIT_MILLIS));
        assertEquals(-1, answer(second(type, content), WAIT_MILLIS));
      }
    }
  }

  @Test
  void waitsForTheRestOfWhatAMemberCouldSend() {
    for (byte[] head :
        new byte[][] {first((byte) 1, 1_000), second((byte) 1, RaftFrames.MAX_CONTENT_BYTES)}) {
      assertThrows(SocketTimeoutException.class, () -> answer(head, NO_ANSWER_MILLIS));
    }
  }

  private int answer(byte[] head, int millis) throws IOException {
    try (var socket = new Socket(address.host(), address.port())) {
      socket.setSoTimeout(millis);
      socket.getOutputStream().write(head);
      return socket.getInputStream().read();
    }
  }

  /** Code, type, command, version, id, codec, status or timeout, three lengths. */
  private static byte[] first(byte type, int content) {
    var head = ByteBuffer.allocate(64).put((byte) 1).put(type);
    head.putShort((short) 1).put((byte) 1).putInt(7).put((byte) 1);
    return lengths(head, type, content);
  }

  /** The same with its version behind the code, and a switch behind the codec. */
  private static byte[] second(byte type, int content) {
    var head = ByteBuffer.allocate(64).put((byte) 2).put((byte) 1).put(type);
    head.putShort((short) 1).put((byte) 1).putInt(7).put((byte) 1).put((byte) 0);
    return lengths(head, type, content);
  }

  private static byte[] lengths(ByteBuffer head, byte type, int content) {
    if (type == 0) {
      head.putShort((short) 0);
    } else {
      head.putInt(1_000);
    }
    head.putShort((short) 10).putShort((short) 0).putInt(content);
    byte[] bytes = new byte[head.position()];
    head.flip().get(bytes);
    return bytes;
  }
}
