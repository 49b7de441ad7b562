package io.keelmq.client;

import io.grpc.CallOptions;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import io.keelmq.common.HostPort;
import io.keelmq.v1.Code;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.Routes;
import io.keelmq.v1.TopicRoute;
import io.keelmq.v1.WatchRoutesRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the client knows about where the groups are. Watches every name server at once; what is
 * known stays known when a name server dies, restarts or warms up. Owned by the loop; {@link
 * #table} and {@link #await} may be called from any thread.
 */
final class RouteCache {

  private static final Logger LOG = LoggerFactory.getLogger(RouteCache.class);

  /** Topics known from answers of brokers before the routes tell them. */
  static final int MAX_HINTS = 1_024;

  private final ClientLoop loop;
  private final Channels channels;
  private final List<Watch> watches = new ArrayList<>();
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final Object changed = new Object();
  private final Map<String, RouteTable.TopicPlace> hints =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, RouteTable.TopicPlace> eldest) {
          return size() > MAX_HINTS;
        }
      };
  private volatile RouteTable table = RouteTable.EMPTY;
  private volatile boolean closed;

  RouteCache(List<HostPort> nameServers, ClientLoop loop, Channels channels) {
    this.loop = loop;
    this.channels = channels;
    nameServers.forEach(server -> watches.add(new Watch(server.toString())));
  }

  void start() {
    loop.execute(() -> watches.forEach(Watch::open));
  }

  RouteTable table() {
    return table;
  }

  /** Called on the loop after each change. */
  void onChange(Runnable listener) {
    listeners.add(listener);
  }

  void removeListener(Runnable listener) {
    listeners.remove(listener);
  }

  /** Where a topic lives, by the routes or by what a broker has just said; null: not known. */
  RouteTable.TopicPlace topicOrNull(String topic) {
    RouteTable.TopicPlace known = table.topicOrNull(topic);
    if (known != null && hints.isEmpty()) {
      return known;
    }
    synchronized (hints) {
      RouteTable.TopicPlace hint = hints.get(topic);
      if (known != null && hint != null && hint.route().getQueues() <= known.route().getQueues()) {
        hints.remove(topic);
        hint = null;
      }
      return hint != null ? hint : known;
    }
  }

  /** A broker said how a topic looks; the routes tell it a moment later. */
  void hint(String group, TopicRoute topic) {
    synchronized (hints) {
      hints.put(topic.getTopic(), new RouteTable.TopicPlace(group, topic));
    }
  }

  void forgetHint(String topic) {
    synchronized (hints) {
      hints.remove(topic);
    }
  }

  /**
   * Waits until the routes satisfy.
   *
   * @return false when the time was over first, or on the loop, which does not wait
   */
  boolean await(Predicate<RouteTable> satisfied, Duration timeout) {
    if (satisfied.test(table)) {
      return true;
    }
    if (loop.isCurrent()) {
      return false;
    }
    long deadline = loop.nanoTime() + timeout.toNanos();
    synchronized (changed) {
      while (!satisfied.test(table)) {
        if (closed) {
          throw new ClientClosed(Code.SHUTTING_DOWN, "the client was closed");
        }
        long left = deadline - loop.nanoTime();
        if (left <= 0) {
          return false;
        }
        try {
          changed.wait(left / 1_000_000 + 1);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new Unavailable(Code.NO_LEADER, "interrupted while waiting for routes", e);
        }
      }
    }
    return true;
  }

  /** Why there is no route, for whoever waited in vain. */
  String problem() {
    if (table.onlyUninitialized()) {
      return "the broker group is not initialized: run `keelmq cluster init`";
    }
    var said = new ArrayList<String>();
    for (Watch watch : watches) {
      said.add(watch.address + ": " + watch.lastWord);
    }
    return "no route to a broker group; name servers say: " + String.join("; ", said);
  }

  void close() {
    closed = true;
    synchronized (changed) {
      changed.notifyAll();
    }
  }

  private void take(Watch from, Routes routes) {
    from.backoff.reset();
    from.lastWord =
        routes.getWarmingUp()
            ? "warming up, try again in a few seconds"
            : "no broker reports to it, start the brokers";
    RouteTable before = table;
    // Only adds and renews: an empty answer, warming up or not, removes nothing.
    RouteTable after = before.with(routes.getGroupsList());
    if (after == before) {
      return;
    }
    table = after;
    synchronized (changed) {
      changed.notifyAll();
    }
    channels.hurry(after.clientAddresses());
    listeners.forEach(Runnable::run);
  }

  /** The watch at one name server, opened again for as long as the client lives. */
  private final class Watch implements ClientResponseObserver<WatchRoutesRequest, Routes> {
    final String address;
    final RetryPolicy backoff = RetryPolicy.forNameServers();
    volatile String lastWord = "no answer yet";

    Watch(String address) {
      this.address = address;
    }

    void open() {
      if (closed) {
        return;
      }
      ClientCalls.asyncServerStreamingCall(
          channels.at(address).newCall(NameServerGrpc.getWatchRoutesMethod(), CallOptions.DEFAULT),
          WatchRoutesRequest.getDefaultInstance(),
          this);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<WatchRoutesRequest> call) {}

    @Override
    public void onNext(Routes routes) {
      loop.execute(() -> take(this, routes));
    }

    @Override
    public void onError(Throwable failure) {
      loop.execute(() -> ended(Failures.detail(failure).getMessage()));
    }

    @Override
    public void onCompleted() {
      loop.execute(() -> ended("it ended the watch"));
    }

    private void ended(String reason) {
      if (closed) {
        return;
      }
      lastWord = "unreachable (" + reason + ")";
      LOG.debug("route watch ended nameServer={} reason={}", address, reason);
      loop.schedule(
          () -> {
            if (!closed) {
              // gRPC's own wait between connects grows to two minutes.
              channels.at(address).resetConnectBackoff();
              open();
            }
          },
          backoff.nextDelayMillis());
    }
  }
}
