package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.raft.GroupSnapshots.Published;
import io.keelmq.common.HostPort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The port for the other members. */
class RaftServerTest {

  private static final int ROUNDS = 10;
  private static final int PEERS = 20;
  private static final int END_MILLIS = (int) TimeUnit.SECONDS.toMillis(60);

  /** Also of one that comes at the very moment. */
  @Test
  void leavesNoConnectionOpenWhenItCloses() throws Exception {
    int left = 0;
    var peers = Executors.newCachedThreadPool();
    try {
      for (int round = 0; round < ROUNDS; round++) {
        HostPort address = freeAddress();
        var server = RaftServer.listen(address, () -> false, () -> Published.NONE);
        var begun = new CountDownLatch(PEERS / 2);
        var connecting = new ArrayList<Future<Boolean>>();
        for (int i = 0; i < PEERS; i++) {
          connecting.add(peers.submit(() -> ends(address, begun)));
        }
        begun.await();
        server.close();
        for (var peer : connecting) {
          left += peer.get() ? 0 : 1;
        }
      }
    } finally {
      peers.shutdownNow();
    }

    assertEquals(0, left, "connections that outlived their server");
  }

  private static HostPort freeAddress() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      return new HostPort("127.0.0.1", socket.getLocalPort());
    }
  }

  private static boolean ends(HostPort address, CountDownLatch begun) {
    try (var socket = new Socket(address.host(), address.port())) {
      begun.countDown();
      socket.setSoTimeout(END_MILLIS);
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      // Refused or reset: there is no connection.
      begun.countDown();
      return true;
    }
  }
}
