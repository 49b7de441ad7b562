package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.Edge;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Which clients are alive, as far as the leader hears: every call of a client is a sign of life,
 * whichever replica it comes through. In memory; a new leader takes every client for alive until it
 * had the time to be heard of. Thread-safe.
 */
final class ClientSessions {

  /** Clients send a heartbeat every 10 s. */
  static final long SILENT_NANOS = TimeUnit.SECONDS.toNanos(35);

  /** After a client has said that it ends, before it counts as gone. */
  static final long GONE_MILLIS = 1_000;

  /**
   * After a client's stream broke, before it counts as gone: SDKs that live open another one a
   * second later, and have to connect first.
   */
  static final long BROKEN_MILLIS = 5_000;

  /**
   * By so much what is told of when one and the same stream was opened may differ. Another one is
   * opened later than that: SDKs wait for a second.
   */
  static final long SAME_STREAM_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Beyond it, clients that were silent for longest are forgotten. */
  static final int MAX_CLIENTS = 200_000;

  /** Guarded by itself. */
  private static final class Session {
    private long seenNanos;
    private int streams;
    private int polls;

    // Of all its streams, at whatever replica, the one that was opened last.
    private boolean opened;
    private long openedNanos;

    void opened(long nanos) {
      if (!opened || nanos - openedNanos > 0) {
        openedNanos = nanos;
      }
      opened = true;
    }

    /** Whether nothing of the client is under way here, and nothing was heard since then. */
    boolean isSilentSince(long nanos) {
      return streams == 0 && polls == 0 && seenNanos - nanos <= 0;
    }

    boolean hasOpenedAfter(long nanos) {
      return opened && openedNanos - nanos > SAME_STREAM_NANOS;
    }
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
    change(
        clientId,
        session -> {
          session.streams++;
          session.opened(session.seenNanos);
        });
  }

  /** Another replica tells of a stream of a client that was opened there so long ago. */
  void streamOpenedElsewhere(String clientId, long ageMillis) {
    change(
        clientId,
        session -> session.opened(session.seenNanos - TimeUnit.MILLISECONDS.toNanos(ageMillis)));
  }

  /** How long ago the last stream of a client was opened; absent if it has none here. */
  OptionalLong streamAgeMillis(String clientId) {
    var age = new OptionalLong[] {OptionalLong.empty()};
    sessions.computeIfPresent(
        clientId,
        (same, session) -> {
          if (session.streams > 0) {
            age[0] =
                OptionalLong.of(TimeUnit.NANOSECONDS.toMillis(edge.now() - session.openedNanos));
          }
          return session;
        });
    return age[0];
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

  /** A client has said that it ends: calls back if nothing is heard of it for a while from now. */
  void left(String clientId, long withinMillis, Consumer<String> gone) {
    long leftNanos = edge.now();
    look(clientId, withinMillis, session -> session.isSilentSince(leftNanos), gone);
  }

  /**
   * A client's stream broke: calls back if nothing is heard of it for a while from now, unless it
   * has opened another stream since it opened this one. That one's end will be told too; and a
   * replica may notice only after many seconds that a connection is broken.
   *
   * @param openedNanos when the stream was opened
   */
  void streamBroke(String clientId, long openedNanos, long withinMillis, Consumer<String> gone) {
    long brokeNanos = edge.now();
    look(
        clientId,
        withinMillis,
        session -> session.isSilentSince(brokeNanos) && !session.hasOpenedAfter(openedNanos),
        gone);
  }

  private void look(
      String clientId, long withinMillis, Predicate<Session> isGone, Consumer<String> gone) {
    try {
      edge.timer()
          .schedule(
              () -> {
                Session session = sessions.get(clientId);
                if (session == null || isGone.test(session)) {
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
