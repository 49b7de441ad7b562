package io.keelmq.nameserver;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.Metrics;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.Routes;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tells the routes: once, or again after every change. A watcher that reads slowly skips versions;
 * one that does not read at all costs the one snapshot that waits in its connection.
 *
 * <p>The watchers are owned by the {@code routes} thread, which feeds them. Other threads only ask
 * it to, at most once until it has begun.
 */
final class RouteService {

  static final int MAX_WATCHERS = 4_096;

  private final RouteDirectory directory;
  private final Executor routesThread;
  private final Set<Watcher> watchers = new HashSet<>();
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicBoolean feedingAll = new AtomicBoolean();
  private boolean closed;

  /**
   * @param routesThread runs what it is given one after the other
   */
  RouteService(RouteDirectory directory, Executor routesThread, Metrics metrics) {
    this.directory = directory;
    this.routesThread = routesThread;
    metrics.gauge("keelmq_nameserver_watchers", "Clients that watch the routes.", open::get);
  }

  void get(StreamObserver<Routes> out) {
    out.onNext(directory.routes());
    out.onCompleted();
  }

  void watch(StreamObserver<Routes> out) {
    var observer = (ServerCallStreamObserver<Routes>) out;
    if (open.incrementAndGet() > MAX_WATCHERS) {
      open.decrementAndGet();
      observer.onError(
          StatusDetails.toException(
              Code.TOO_MANY_REQUESTS,
              MAX_WATCHERS
                  + " clients watch this name server, the most there can be: use another"));
      return;
    }
    var watcher = new Watcher(observer);
    observer.setOnReadyHandler(watcher::feedSoon);
    observer.setOnCancelHandler(() -> routesThread.execute(() -> remove(watcher)));
    routesThread.execute(() -> add(watcher));
  }

  /** The routes have changed. Returns at once, from any thread. */
  void changed() {
    if (feedingAll.compareAndSet(false, true)) {
      routesThread.execute(
          () -> {
            // Before the look at the routes: a change from now on asks again.
            feedingAll.set(false);
            watchers.forEach(Watcher::feed);
          });
    }
  }

  /** Ends all watches, telling the clients to go elsewhere. On the routes thread. */
  void close() {
    closed = true;
    for (Watcher watcher : watchers) {
      watcher.endShuttingDown();
    }
    open.addAndGet(-watchers.size());
    watchers.clear();
  }

  private void add(Watcher watcher) {
    if (closed) {
      open.decrementAndGet();
      watcher.endShuttingDown();
      return;
    }
    watchers.add(watcher);
    watcher.feed();
    if (watcher.observer.isCancelled()) {
      // Its cancellation may have come before it was here to be removed.
      remove(watcher);
    }
  }

  private void remove(Watcher watcher) {
    if (watchers.remove(watcher)) {
      open.decrementAndGet();
    }
  }

  /** One client's watch. Fed on the routes thread only. */
  private final class Watcher {

    private final ServerCallStreamObserver<Routes> observer;
    private final AtomicBoolean feeding = new AtomicBoolean();
    private long sentVersion;

    Watcher(ServerCallStreamObserver<Routes> observer) {
      this.observer = observer;
    }

    void feedSoon() {
      if (feeding.compareAndSet(false, true)) {
        routesThread.execute(
            () -> {
              feeding.set(false);
              feed();
            });
      }
    }

    void feed() {
      // Not ready: onReady comes when it is, and then the newest version goes out.
      if (closed || observer.isCancelled() || !observer.isReady()) {
        return;
      }
      Routes routes = directory.pushedRoutes();
      if (routes.getVersion() > sentVersion) {
        sentVersion = routes.getVersion();
        observer.onNext(routes);
      }
    }

    void endShuttingDown() {
      if (!observer.isCancelled()) {
        observer.onError(
            StatusDetails.toException(
                Code.SHUTTING_DOWN, "this name server stops: watch another or come back"));
      }
    }
  }
}
