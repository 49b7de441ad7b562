package io.keelmq.broker.registry;

import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.keelmq.common.HostPort;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReportReply;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to one name server: a channel, and the report stream on it, opened again whenever it
 * breaks. Owned by the registry thread, on which gRPC also calls back.
 */
final class NameServerLink {

  static final long FIRST_BACKOFF_MILLIS = 100;
  static final long MAX_BACKOFF_MILLIS = 1_000;

  /** So many report intervals without an answer, and a new connection is tried. */
  private static final int MAX_SILENT_TICKS = 5;

  private static final int CONNECT_MILLIS = 2_000;
  private static final int MAX_REPLY_BYTES = 64 << 10;

  /** Not more often than name servers permit, see their permitKeepAliveTime. */
  private static final long KEEP_ALIVE_SECONDS = 10;

  private static final long NOTHING_SENT = -1;

  private static final Logger log = LoggerFactory.getLogger(NameServerLink.class);

  private final HostPort address;
  private final ReplicaFacts facts;
  private final ScheduledExecutorService registryThread;
  private final DoubleSupplier jitter;
  private final CountDownLatch closed = new CountDownLatch(1);
  private ManagedChannel channel;
  private Stream stream;
  private int failures;
  private String lastFailure = "";
  private boolean closing;
  private volatile boolean reached;

  NameServerLink(
      HostPort address,
      ReplicaFacts facts,
      ScheduledExecutorService registryThread,
      DoubleSupplier jitter) {
    this.address = address;
    this.facts = facts;
    this.registryThread = registryThread;
    this.jitter = jitter;
  }

  void open() {
    if (closing || stream != null) {
      return;
    }
    if (channel == null) {
      channel =
          NettyChannelBuilder.forAddress(address.host(), address.port())
              .usePlaintext()
              .executor(registryThread)
              .maxInboundMessageSize(MAX_REPLY_BYTES)
              .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
              .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
              .keepAliveTimeout(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
              .build();
    }
    // The channel's own backoff grows to minutes; ours decides.
    channel.resetConnectBackoff();
    stream = new Stream();
    NameServerGrpc.newStub(channel).report(stream);
  }

  /**
   * Reports, unless the last reports have not left yet: then the newest goes out when they have.
   */
  void report() {
    if (stream != null) {
      stream.send();
    }
  }

  void tick() {
    if (stream != null && ++stream.silentTicks > MAX_SILENT_TICKS) {
      // A network that swallows packets breaks no connection; after it heals, TCP may wait long.
      Stream silent = stream;
      failed("reason=\"no answer to the reports of " + MAX_SILENT_TICKS + " s\"");
      silent.requests.cancel("silent", null);
      channel.enterIdle();
      return;
    }
    report();
  }

  boolean isReached() {
    return reached;
  }

  void close() {
    closing = true;
    if (stream != null) {
      stream.requests.onCompleted();
    }
    stream = null;
    reached = false;
    if (channel != null) {
      channel.shutdown();
    }
    closed.countDown();
  }

  /** From any thread but the registry's. */
  void awaitClosed(long nanos) throws InterruptedException {
    if (!closed.await(Math.max(nanos, 0), TimeUnit.NANOSECONDS)) {
      return;
    }
    ManagedChannel opened = channel;
    if (opened != null && !opened.awaitTermination(Math.max(nanos, 0), TimeUnit.NANOSECONDS)) {
      opened.shutdownNow();
      opened.awaitTermination(CONNECT_MILLIS / 10, TimeUnit.MILLISECONDS);
    }
  }

  private void failed(String failure) {
    stream = null;
    reached = false;
    if (closing) {
      return;
    }
    // Every second the same is no news.
    if (!failure.equals(lastFailure)) {
      log.warn("name server lost address={} {}; trying again until it answers", address, failure);
      lastFailure = failure;
    }
    registryThread.schedule(this::open, nextBackoffMillis(), TimeUnit.MILLISECONDS);
  }

  private long nextBackoffMillis() {
    long millis = Math.min(FIRST_BACKOFF_MILLIS << Math.min(failures, 10), MAX_BACKOFF_MILLIS);
    failures++;
    // Between half and all of it, so that the replicas of a restarted name server do not come as
    // one.
    return (long) (millis * (0.5 + 0.5 * jitter.getAsDouble()));
  }

  /** One life of the report stream. What comes from one that was given up is not listened to. */
  private final class Stream implements ClientResponseObserver<ReplicaReport, ReportReply> {

    private ClientCallStreamObserver<ReplicaReport> requests;
    private long sentTopicsVersion = NOTHING_SENT;
    private boolean wantTopics;
    private boolean sentTopics;
    private boolean behind = true;
    private int silentTicks;

    @Override
    public void beforeStart(ClientCallStreamObserver<ReplicaReport> newRequests) {
      requests = newRequests;
      requests.setOnReadyHandler(
          () -> {
            if (stream == this && behind) {
              send();
            }
          });
    }

    void send() {
      if (!requests.isReady()) {
        behind = true;
        return;
      }
      ReplicaReport report = facts.report(false);
      sentTopics = wantTopics || report.getTopicsVersion() != sentTopicsVersion;
      if (sentTopics) {
        report = facts.report(true);
        sentTopicsVersion = report.getTopicsVersion();
        wantTopics = false;
      }
      behind = false;
      requests.onNext(report);
    }

    @Override
    public void onNext(ReportReply reply) {
      if (stream != this) {
        return;
      }
      silentTicks = 0;
      failures = 0;
      if (!reached) {
        reached = true;
        lastFailure = "";
        log.info("name server reached address={}", address);
      }
      if (reply.getWantTopics()) {
        wantTopics = true;
        // If it just had them and asks again, it gets them with the next report: no endless talk.
        if (!sentTopics) {
          send();
        }
      }
    }

    @Override
    public void onError(Throwable failure) {
      if (stream == this) {
        ErrorDetail detail = StatusDetails.fromThrowable(failure);
        failed("reason=\"" + detail.getMessage() + "\"");
      }
    }

    @Override
    public void onCompleted() {
      if (stream == this) {
        failed("reason=\"it ended the stream\"");
      }
    }
  }
}
