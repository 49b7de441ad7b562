package io.keelmq.client.testing;

import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.Routes;
import io.keelmq.v1.WatchRoutesRequest;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A name server that says what it is told to say. Thread-safe. */
public final class FakeNameServer extends NameServerGrpc.NameServerImplBase
    implements AutoCloseable {

  private final Server server;
  private final List<StreamObserver<Routes>> watchers = new ArrayList<>();
  private Routes routes = Routes.newBuilder().setWarmingUp(true).build();

  public FakeNameServer() throws IOException {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .permitKeepAliveTime(1, TimeUnit.SECONDS)
            .addService(this)
            .build()
            .start();
  }

  public String address() {
    return "127.0.0.1:" + server.getPort();
  }

  /** Says this from now on, and at once to everybody who watches. */
  public synchronized void say(Routes said) {
    routes = said;
    watchers.forEach(watcher -> watcher.onNext(said));
  }

  @Override
  public synchronized void watchRoutes(
      WatchRoutesRequest request, StreamObserver<Routes> responses) {
    ((ServerCallStreamObserver<Routes>) responses)
        .setOnCancelHandler(
            () -> {
              synchronized (this) {
                watchers.remove(responses);
              }
            });
    watchers.add(responses);
    responses.onNext(routes);
  }

  @Override
  public synchronized void getRoutes(GetRoutesRequest request, StreamObserver<Routes> responses) {
    responses.onNext(routes);
    responses.onCompleted();
  }

  @Override
  public void close() {
    server.shutdownNow();
  }
}
