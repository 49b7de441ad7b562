package io.keelmq.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OpsServerTest {

  private static final HostPort ANY_PORT = new HostPort("127.0.0.1", 0);

  private final HttpClient http = HttpClient.newHttpClient();
  private final Metrics metrics = new Metrics();
  private volatile OpsServer.Health health = OpsServer.Health.SOUND;
  private volatile OpsServer.Readiness readiness =
      new OpsServer.Readiness(true, "LEADER", "says \"hi\"\n");
  private OpsServer server;

  @BeforeEach
  void start() throws IOException {
    server = new OpsServer(ANY_PORT, metrics, () -> health, () -> readiness);
    server.start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void servesMetrics() throws Exception {
    metrics.counter("keelmq_sends_total", "Sends.").inc();

    var answer = get("/metrics");

    assertEquals(200, answer.statusCode());
    assertTrue(answer.body().contains("keelmq_sends_total 1.0"), answer.body());
    assertTrue(answer.headers().firstValue("Content-Type").orElseThrow().startsWith("text/plain"));
  }

  @Test
  void readinessIsAStatusAndALineOfJson() throws Exception {
    var answer = get("/ready");

    assertEquals(200, answer.statusCode());
    assertEquals(
        "{\"ready\":true,\"role\":\"LEADER\",\"reason\":\"says \\\"hi\\\"\\n\"}\n", answer.body());

    readiness = new OpsServer.Readiness(false, "CANDIDATE", "");
    assertEquals(503, get("/ready").statusCode());
  }

  @Test
  void healthIsAStatusAndALineOfJson() throws Exception {
    assertEquals(200, get("/health").statusCode());

    health = new OpsServer.Health(false, "the log is poisoned");

    assertEquals(503, get("/health").statusCode());
    assertTrue(get("/health").body().contains("the log is poisoned"));
  }

  @Test
  void unknownPathIs404AndOtherMethodsAre405() throws Exception {
    assertEquals(404, get("/nothing").statusCode());
    var post = request("/health").POST(BodyPublishers.ofString("x")).build();
    assertEquals(405, http.send(post, BodyHandlers.ofString()).statusCode());
  }

  @Test
  void failingSupplierCostsItsRequestOnly() throws Exception {
    readiness = null;

    assertEquals(500, get("/ready").statusCode());
    assertTrue(get("/ready").body().contains("NullPointerException"));

    assertEquals(200, get("/health").statusCode());
  }

  @Test
  void garbageDoesNoHarm() throws Exception {
    long seed = Long.getLong("seed", 42);
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    for (int i = 0; i < 50; i++) {
      var bytes = new byte[1 + random.nextInt(2000)];
      random.nextBytes(bytes);
      try (Socket socket = connect()) {
        socket.getOutputStream().write(bytes);
      } catch (IOException e) {
        // The server hung up in the middle of it: as good as any answer.
        assertTrue(e.getMessage() != null);
      }
    }

    assertEquals(200, get("/health").statusCode());
  }

  /**
   * Goal: half requests that never end cannot keep the few threads. Method: more than there are.
   */
  @Test
  void halfRequestsDoNotLockOthersOut() throws Exception {
    var sockets = new ArrayList<Socket>();
    try {
      for (int i = 0; i < 12; i++) {
        Socket socket = connect();
        sockets.add(socket);
        socket.getOutputStream().write("GET /hea".getBytes(StandardCharsets.US_ASCII));
      }

      assertEquals(200, get("/health").statusCode());
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  @Test
  void takenPortIsNamedWithWhatToDo() {
    var second =
        new OpsServer(
            new HostPort("127.0.0.1", server.port()), metrics, () -> health, () -> readiness);

    String message = assertThrows(IOException.class, second::start).getMessage();

    assertTrue(message.contains("127.0.0.1:" + server.port()), message);
    assertTrue(message.contains("ops.listen"), message);
  }

  private Socket connect() throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), server.port());
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return http.send(request(path).build(), BodyHandlers.ofString());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
        .timeout(Duration.ofSeconds(60));
  }
}
