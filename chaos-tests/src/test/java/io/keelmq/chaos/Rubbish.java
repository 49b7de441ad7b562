package io.keelmq.chaos;

import io.keelmq.common.HostPort;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;

/**
 * Bytes that no client of ours sends: chance alone, and chance behind the right beginning of each
 * protocol, so that it reaches further in. Owned by one thread.
 */
final class Rubbish {

  private static final int CONNECT_MILLIS = 5_000;
  private static final int ANSWER_MILLIS = 20;
  private static final int MOST_BYTES = 64 << 10;
  private static final int KINDS = 6;
  private static final String HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  private final Random random;
  private long bytes;
  private int connections;

  Rubbish(Random random) {
    this.random = random;
  }

  long bytes() {
    return bytes;
  }

  int connections() {
    return connections;
  }

  /** One connection; what is answered, and whether it is cut, does not matter. */
  void throwAt(HostPort target) {
    byte[] rubbish = next();
    connections++;
    try (var socket = new Socket()) {
      socket.connect(new InetSocketAddress(target.host(), target.port()), CONNECT_MILLIS);
      socket.setSoTimeout(ANSWER_MILLIS);
      socket.getOutputStream().write(rubbish);
      bytes += rubbish.length;
      socket.getInputStream().read();
      if (random.nextBoolean()) {
        // A reset instead of an orderly end.
        socket.setSoLinger(true, 0);
      }
    } catch (IOException e) {
      // The other side has had enough.
      bytes += 0;
    }
  }

  private byte[] next() {
    var out = new ByteArrayOutputStream();
    switch (connections % KINDS) {
      case 0 -> chance(out, MOST_BYTES);
      case 1 -> {
        text(out, HTTP2_PREFACE);
        chance(out, MOST_BYTES);
      }
      case 2 -> {
        text(out, HTTP2_PREFACE);
        settings(out);
        for (int i = 0; i < 20; i++) {
          frame(out);
        }
      }
      case 3 -> {
        text(out, "GET /" + "%".repeat(random.nextInt(2_000)) + " HTTP/1.1\r\nContent-Length: -1");
        chance(out, 2_000);
      }
      case 4 -> remoting(out, 1);
      default -> remoting(out, 2);
    }
    return out.toByteArray();
  }

  private static void settings(ByteArrayOutputStream out) {
    out.writeBytes(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});
  }

  /** An HTTP/2 frame whose head is right and whose content is chance. */
  private void frame(ByteArrayOutputStream out) {
    int length = random.nextInt(200);
    byte type = (byte) random.nextInt(10);
    byte flags = (byte) random.nextInt(256);
    int stream = 1 + 2 * random.nextInt(8);
    out.writeBytes(
        ByteBuffer.allocate(9)
            .put((byte) 0)
            .putShort((short) length)
            .put(type)
            .put(flags)
            .putInt(stream)
            .array());
    var content = new byte[length];
    random.nextBytes(content);
    out.writeBytes(content);
  }

  /** A request as the Raft port's remoting protocol begins one, of any class and codec. */
  private void remoting(ByteArrayOutputStream out, int protocol) {
    String name = random.nextBoolean() ? "java.util.HashMap" : "io.keelmq.Nothing";
    int content = random.nextInt(8) == 0 ? Integer.MAX_VALUE : random.nextInt(1_000);
    var head = ByteBuffer.allocate(64);
    head.put((byte) protocol);
    if (protocol == 2) {
      head.put((byte) 1);
    }
    head.put((byte) 1).putShort((short) 1).put((byte) 1).putInt(random.nextInt());
    head.put((byte) random.nextInt(3));
    if (protocol == 2) {
      head.put((byte) 0);
    }
    head.putInt(1_000).putShort((short) name.length()).putShort((short) 0).putInt(content);
    out.write(head.array(), 0, head.position());
    text(out, name);
    chance(out, 1_000);
  }

  private void chance(ByteArrayOutputStream out, int most) {
    var chance = new byte[1 + random.nextInt(most)];
    random.nextBytes(chance);
    out.writeBytes(chance);
  }

  private static void text(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
  }
}
