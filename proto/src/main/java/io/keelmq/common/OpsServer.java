package io.keelmq.common;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The operators' HTTP port: {@code /metrics} (Prometheus text), {@code /health} (200 while the
 * process is sound, else 503) and {@code /ready} (200 when it serves, else 503), the last two with
 * a line of JSON. Reads nothing but the request line and headers, changes nothing.
 *
 * <p>Thread-safe. Owns its dispatcher thread and a small pool. Slow, idle and babbling connections
 * are closed after a few seconds.
 */
public final class OpsServer implements AutoCloseable {

  /** {@code reason} is empty while all is well. */
  public record Health(boolean sound, String reason) {

    public static final Health SOUND = new Health(true, "");
  }

  /**
   * @param role a {@code ReplicaRole} by name, or NAME_SERVER
   * @param reason why it is not ready, or what it copes with; may be empty
   */
  public record Readiness(boolean ready, String role, String reason) {}

  private static final Logger log = LoggerFactory.getLogger(OpsServer.class);

  private static final int THREADS = 4;
  private static final int MAX_CONNECTIONS = 64;
  private static final int BACKLOG = 32;
  private static final int REQUEST_SECONDS = 2;
  private static final int RESPONSE_SECONDS = 5;

  private final HostPort listen;
  private final Metrics metrics;
  private final Supplier<Health> health;
  private final Supplier<Readiness> readiness;
  private final AtomicInteger threadNumber = new AtomicInteger();
  private HttpServer server;
  private ThreadPoolExecutor pool;

  /** The suppliers are called for each request, on a pool thread; they should not block. */
  public OpsServer(
      HostPort listen, Metrics metrics, Supplier<Health> health, Supplier<Readiness> readiness) {
    this.listen = listen;
    this.metrics = metrics;
    this.health = health;
    this.readiness = readiness;
  }

  /**
   * @throws IOException whose message names the port and what to do, if it cannot be listened on
   */
  public synchronized void start() throws IOException {
    limitConnections();
    try {
      var address = new InetSocketAddress(InetAddress.getByName(listen.host()), listen.port());
      server = HttpServer.create(address, BACKLOG);
    } catch (BindException | UnknownHostException e) {
      throw new IOException(
          "cannot listen on %s for operators: %s; stop what uses the port or set ops.listen"
              .formatted(listen, e.getMessage()),
          e);
    }
    pool =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            30,
            TimeUnit.SECONDS,
            // One request per connection at a time: it cannot overflow.
            new ArrayBlockingQueue<>(MAX_CONNECTIONS),
            task -> {
              var thread = new Thread(task, "ops-" + threadNumber.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    pool.allowCoreThreadTimeOut(true);
    server.setExecutor(pool);
    server.createContext("/", this::answer);
    server.start();
  }

  /** The port that is listened on, also if any free one was asked for. */
  public synchronized int port() {
    if (server == null) {
      throw new IllegalStateException("not started");
    }
    return server.getAddress().getPort();
  }

  @Override
  public synchronized void close() {
    if (server != null) {
      server.stop(0);
      pool.shutdownNow();
    }
  }

  /** The JDK's server takes its limits from system properties only; an operator's own win. */
  private static void limitConnections() {
    setIfAbsent("sun.net.httpserver.maxReqTime", REQUEST_SECONDS);
    setIfAbsent("sun.net.httpserver.maxRspTime", RESPONSE_SECONDS);
    setIfAbsent("jdk.httpserver.maxConnections", MAX_CONNECTIONS);
  }

  private static void setIfAbsent(String property, int value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, Integer.toString(value));
    }
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String method = exchange.getRequestMethod();
      if (!method.equals("GET") && !method.equals("HEAD")) {
        exchange.getResponseHeaders().set("Allow", "GET, HEAD");
        send(exchange, 405, "text/plain", "405: only GET and HEAD are answered here\n");
        return;
      }
      try {
        answer(exchange, exchange.getRequestURI().getPath());
      } catch (RuntimeException e) {
        log.warn("ops request failed path={}", exchange.getRequestURI().getPath(), e);
        send(exchange, 500, "text/plain", "500: %s; the log tells more\n".formatted(e));
      }
    }
  }

  private void answer(HttpExchange exchange, String path) throws IOException {
    switch (path) {
      case "/metrics" -> {
        var out = new ByteArrayOutputStream();
        metrics.writeText(out);
        send(exchange, 200, metrics.contentType(), out.toByteArray());
      }
      case "/health" -> {
        Health now = health.get();
        send(
            exchange,
            now.sound() ? 200 : 503,
            "application/json",
            new Json().put("sound", now.sound()).put("reason", now.reason()) + "\n");
      }
      case "/ready" -> {
        Readiness now = readiness.get();
        send(
            exchange,
            now.ready() ? 200 : 503,
            "application/json",
            new Json().put("ready", now.ready()).put("role", now.role()).put("reason", now.reason())
                + "\n");
      }
      default -> send(exchange, 404, "text/plain", "404: expected /metrics, /health or /ready\n");
    }
  }

  private static void send(HttpExchange exchange, int status, String type, String body)
      throws IOException {
    send(exchange, status, type, body.getBytes(StandardCharsets.UTF_8));
  }

  private static void send(HttpExchange exchange, int status, String type, byte[] body)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }
}
