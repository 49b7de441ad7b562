package io.keelmq.broker.registry;

import static org.awaitility.Awaitility.await;

import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReportReply;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/** A name server that keeps what it is told and misbehaves when asked to. */
final class FakeNameServer implements AutoCloseable {

  static final Duration DEADLINE = Duration.ofSeconds(30);

  final List<ReplicaReport> reports = new CopyOnWriteArrayList<>();
  final AtomicInteger streams = new AtomicInteger();
  final AtomicInteger goodbyes = new AtomicInteger();
  volatile boolean wantTopics;
  volatile boolean refusing;
  volatile boolean mute;
  private final Server server;
  private final HostPort address;

  /**
   * @param port 0 for any
   */
  FakeNameServer(int port) throws IOException {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port))
            .addService(new Calls())
            .directExecutor()
            .permitKeepAliveTime(10, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .build()
            .start();
    address = new HostPort("127.0.0.1", server.getPort());
  }

  /** Also after its death. */
  HostPort address() {
    return address;
  }

  ReplicaReport last() {
    return reports.get(reports.size() - 1);
  }

  void awaitReports(int count) {
    eventually(() -> reports.size() >= count);
  }

  static void eventually(BooleanSupplier condition) {
    await().atMost(DEADLINE).until(condition::getAsBoolean);
  }

  /** As a killed process: no goodbye. */
  @Override
  public void close() {
    server.shutdownNow();
    try {
      server.awaitTermination(DEADLINE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Calls extends NameServerGrpc.NameServerImplBase {
    @Override
    public StreamObserver<ReplicaReport> report(StreamObserver<ReportReply> replies) {
      streams.incrementAndGet();
      return new StreamObserver<>() {
        @Override
        public void onNext(ReplicaReport report) {
          reports.add(report);
          if (refusing) {
            replies.onError(StatusDetails.toException(Code.IDENTITY_MISMATCH, "planted"));
          } else if (!mute) {
            replies.onNext(ReportReply.newBuilder().setWantTopics(wantTopics).build());
          }
        }

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onCompleted() {
          goodbyes.incrementAndGet();
          replies.onCompleted();
        }
      };
    }
  }
}
