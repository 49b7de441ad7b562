package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.Edge;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Which clients are alive, as far as the leader hears: every call of a client is a sign of life,
 * whichever replica it comes through. In memory; a new leader takes every client for alive until it
 * had the time to be heard of. Thread-safe.
 */
final class ClientSessions {

  /** Clients send a heartbeat every 10 s. */
  static final long SILENT_NANOS = TimeUnit.SECONDS.toNanos(35);

  /** After the end of a client's stream, before it counts as gone. */
  static final long GONE_MILLIS = 1_000;

  /** Beyond it, clients that were silent for longest are forgotten. */
  static final int MAX_CLIENTS = 200_000;

  /** Guarded by itself. */
  private static final class Session {
    private long seenNanos;
    private int streams;
    private int polls;
  }

  private final Edge edge;
  private final Map<String, Session> sessions = new ConcurrentHashMap<>();
  private volatile long leadingSinceNanos;

  ClientSessions(Edge edge) {
    this.edge = edge;
    this.leadingSinceNanos = edge.now();
  }

  void leadershipChanged() {
    leadingSinceNanos = edge.now();
  }

  /** A call of a client was seen. */
  void seen(String clientId) {
    change(clientId, session -> {});
  }

  void streamOpened(String clientId) {
    change(clientId, session -> session.streams++);
  }

  void streamClosed(String clientId) {
    ended(clientId, session -> session.streams = Math.max(0, session.streams - 1));
  }

  void pollBegan(String clientId) {
    change(clientId, session -> session.polls++);
  }

  void pollEnded(String clientId) {
    ended(clientId, session -> session.polls = Math.max(0, session.polls - 1));
  }

  /** The end of a call is no sign of life. */
  private void ended(String clientId, Consumer<Session> change) {
    sessions.computeIfPresent(
        clientId,
        (same, session) -> {
          change.accept(session);
          return session;
        });
  }

  private void change(String clientId, Consumer<Session> change) {
    if (clientId.isEmpty()) {
      return;
    }
    sessions.compute(
        clientId,
        (same, known) -> {
          Session session = known == null ? new Session() : known;
          session.seenNanos = edge.now();
          change.accept(session);
          return session;
        });
    if (sessions.size() > MAX_CLIENTS) {
      forgetSilent();
    }
  }

  /**
   * A client has said that it ends, or its stream broke: calls back if nothing is heard of it for a
   * while from now.
   */
  void left(String clientId, long withinMillis, Consumer<String> gone) {
    long leftNanos = edge.now();
    try {
      edge.timer()
          .schedule(
              () -> {
                if (isGone(clientId, leftNanos)) {
                  sessions.remove(clientId);
                  gone.accept(clientId);
                }
              },
              withinMillis,
              TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // Only when the server is closed: its leases end by their deadlines.
      sessions.remove(clientId);
    }
  }

  private boolean isGone(String clientId, long leftNanos) {
    Session session = sessions.get(clientId);
    return session == null
        || (session.streams == 0 && session.polls == 0 && session.seenNanos - leftNanos <= 0);
  }

  /** Whether what a client has is to be kept for it. */
  boolean isAlive(String clientId) {
    long now = edge.now();
    if (now - leadingSinceNanos < SILENT_NANOS) {
      return true;
    }
    Session session = sessions.get(clientId);
    return session != null
        && (session.polls > 0 || session.streams > 0 || now - session.seenNanos < SILENT_NANOS);
  }

  void forgetSilent() {
    long now = edge.now();
    sessions
        .values()
        .removeIf(
            session ->
                session.polls == 0
                    && session.streams == 0
                    && now - session.seenNanos > SILENT_NANOS);
  }
}
