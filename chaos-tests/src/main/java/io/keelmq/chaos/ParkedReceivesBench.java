package io.keelmq.chaos;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Credit;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import io.keelmq.v1.StreamsGrpc;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures what very many consumers cost that wait at an idle topic: the leader's CPU time while
 * nothing happens, and how long it takes from a send until one of them has the message.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.ParkedReceivesBench}
 */
@Command(
    name = "parked-receives-bench",
    description = "CPU of the leader and latency of a wake with parked consumers, as JSON.")
public final class ParkedReceivesBench implements Callable<Integer> {

  private static final String TOPIC = "parked";
  private static final String GROUP = "parked";
  private static final int STREAMS_OF_A_CONNECTION = 100;
  private static final Duration DEADLINE = Duration.ofMinutes(3);
  private static final Duration LOOK = Duration.ofMillis(100);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = "--consumers",
      defaultValue = "10000",
      description = "That wait (default: ${DEFAULT-VALUE}).")
  int consumers;

  @Option(
      names = "--idle-seconds",
      defaultValue = "20",
      description = "In which nothing happens (default: ${DEFAULT-VALUE}).")
  int idleSeconds;

  @Option(
      names = "--wakes",
      defaultValue = "500",
      description = "Messages, one after the other (default: ${DEFAULT-VALUE}).")
  int wakes;

  private final List<ManagedChannel> channels = new ArrayList<>();
  private final AtomicInteger opened = new AtomicInteger();
  private final AtomicInteger failed = new AtomicInteger();
  private final SynchronousQueue<Long> arrivals = new SynchronousQueue<>();

  private ParkedReceivesBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new ParkedReceivesBench(), args);
  }

  @Override
  public Integer call() throws InterruptedException {
    try (var scratch = ScratchCluster.create(options -> options)) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints())) {
        client.admin().createTopic(TOPIC, 1);
        Node leader = cluster.leader();
        double idleWithout = cpuShare(cluster, leader);
        open(leader);
        double idle = cpuShare(cluster, leader);
        var sends = new ArrayList<Long>();
        var latencies = new ArrayList<Long>();
        wake(client, sends, latencies);
        System.out.println(
            new Json()
                .put("consumers", consumers)
                .put("idle_seconds", idleSeconds)
                .put("leader_cpu_share_without_consumers", idleWithout)
                .put("leader_cpu_share_with_consumers", idle)
                .put("wakes", wakes)
                .put("send_to_receipt_ms", FailoverBench.summary(sends))
                .put("send_to_delivery_ms", FailoverBench.summary(latencies))
                .put("streams_failed", failed.get()));
        return failed.get() == 0 ? 0 : 1;
      } finally {
        channels.forEach(ManagedChannel::shutdownNow);
      }
    }
  }

  private void open(Node leader) {
    for (int i = 0; i < consumers; i++) {
      if (i % STREAMS_OF_A_CONNECTION == 0) {
        channels.add(
            Grpc.newChannelBuilder(leader.client().toString(), InsecureChannelCredentials.create())
                .build());
      }
      new ParkedConsumer("parked-" + i).open(channels.get(channels.size() - 1));
    }
    if (!Waiting.until(DEADLINE, () -> opened.get() + failed.get() >= consumers)) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, "only " + opened.get() + " consumers were opened");
    }
  }

  /** CPU seconds that the leader used in a second, measured while nothing happens. */
  private double cpuShare(LocalCluster cluster, Node leader) {
    // What opening the streams has left to do is over when a tenth of a second is cheap.
    Waiting.until(DEADLINE, () -> share(cluster, leader, LOOK) < 0.2);
    return share(cluster, leader, Duration.ofSeconds(idleSeconds));
  }

  private static double share(LocalCluster cluster, Node leader, Duration time) {
    ProcessHandle process = ProcessHandle.of(cluster.pid(leader)).orElseThrow();
    Duration before = process.info().totalCpuDuration().orElseThrow();
    long endNanos = System.nanoTime() + time.toNanos();
    Waiting.until(time, () -> System.nanoTime() - endNanos >= 0);
    Duration used = process.info().totalCpuDuration().orElseThrow().minus(before);
    return Math.round((double) used.toNanos() / time.toNanos() * 1e4) / 1e4;
  }

  private void wake(KeelClient client, List<Long> sends, List<Long> latencies)
      throws InterruptedException {
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < wakes; i++) {
        long sentNanos = System.nanoTime();
        var receipt =
            producer
                .send(OutgoingMessage.builder(TOPIC).body("wake " + i).build())
                .thenApply(stored -> System.nanoTime());
        Long arrivedNanos = arrivals.poll(DEADLINE.toSeconds(), TimeUnit.SECONDS);
        if (arrivedNanos == null) {
          throw new ClusterFailure(ClusterFailure.Kind.FAILED, "message " + i + " woke nobody");
        }
        latencies.add(arrivedNanos - sentNanos);
        sends.add(receipt.join() - sentNanos);
      }
    }
  }

  /** One stream that has credit for one message at a time. Its calls come one after the other. */
  private final class ParkedConsumer implements StreamObserver<ConsumeResponse> {
    private final String clientId;
    private StreamObserver<ConsumeRequest> requests;
    private long sequence;

    ParkedConsumer(String clientId) {
      this.clientId = clientId;
    }

    void open(ManagedChannel channel) {
      requests = StreamsGrpc.newStub(channel).consume(this);
      requests.onNext(
          ConsumeRequest.newBuilder()
              .setOpen(
                  OpenConsumer.newBuilder()
                      .setClientId(clientId)
                      .setConsumerGroup(GROUP)
                      .setTopic(TOPIC)
                      .setRenew(true))
              .build());
      credit();
    }

    @Override
    public void onNext(ConsumeResponse event) {
      if (event.hasOpened()) {
        opened.incrementAndGet();
      } else if (event.hasDelivery()) {
        long nowNanos = System.nanoTime();
        requests.onNext(
            ConsumeRequest.newBuilder()
                .setSettle(
                    Settle.newBuilder()
                        .setSequence(++sequence)
                        .addSettlements(
                            Settlement.newBuilder()
                                .setKind(SettlementKind.ACK)
                                .setLease(event.getDelivery().getLease())))
                .build());
        credit();
        try {
          arrivals.put(nowNanos);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }

    @Override
    public void onError(Throwable failure) {
      if (failed.incrementAndGet() == 1) {
        System.err.println("a stream failed: " + failure);
      }
    }

    @Override
    public void onCompleted() {
      failed.incrementAndGet();
    }

    private void credit() {
      requests.onNext(
          ConsumeRequest.newBuilder().setCredit(Credit.newBuilder().setMessages(1)).build());
    }
  }
}
