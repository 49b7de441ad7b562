package io.keelmq.chaos;

import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.keelmq.client.KeelClient;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc.MessagingServiceBlockingStub;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.SendMessageRequest;
import io.keelmq.rocketmq.v2.SystemProperties;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures unary sends as RocketMQ's SDKs make them, one message in a call: how many share an entry
 * of the log, and what it costs to send to a follower, which passes them on. Leader and follower
 * take turns; the first round warms up.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.RocketmqSendBench}
 */
@Command(
    name = "rocketmq-send-bench",
    description = "Unary sends to the leader and through a follower, as JSON.")
public final class RocketmqSendBench implements Callable<Integer> {

  private static final String TOPIC = "sends";
  private static final Duration DEADLINE = Duration.ofMinutes(3);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = "--threads",
      defaultValue = "64",
      description = "That send (default: ${DEFAULT-VALUE}).")
  int threads;

  @Option(
      names = "--messages",
      defaultValue = "40000",
      description = "Of a round (default: ${DEFAULT-VALUE}).")
  int messages;

  @Option(
      names = "--alone",
      defaultValue = "2000",
      description = "Of a round in which one thread sends (default: ${DEFAULT-VALUE}).")
  int alone;

  @Option(
      names = "--rounds",
      defaultValue = "5",
      description = "Of each kind (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(names = "--size", defaultValue = "256", description = "Bytes of a body.")
  int size;

  private final AtomicLong nextId = new AtomicLong();

  private RocketmqSendBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new RocketmqSendBench(), args);
  }

  /** What one round has shown. */
  private record Round(double perSecond, double perEntry, double cpuMicros, List<Long> nanos) {}

  @Override
  public Integer call() throws InterruptedException {
    try (var scratch = ScratchCluster.create(options -> options)) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints())) {
        client.admin().createTopic(TOPIC, 4);
      }
      Node leader = cluster.leader();
      Node follower =
          cluster.brokers().stream().filter(node -> !node.equals(leader)).findFirst().orElseThrow();
      System.out.println(
          new Json()
              .put("body_bytes", size)
              .put("threads", threads)
              .put("messages", messages)
              .put("together", compared(cluster, leader, follower, threads, messages))
              .put("alone", compared(cluster, leader, follower, 1, alone)));
      return 0;
    }
  }

  private Json compared(LocalCluster cluster, Node leader, Node follower, int by, int count)
      throws InterruptedException {
    var direct = new ArrayList<Round>();
    var forwarded = new ArrayList<Round>();
    for (int round = 0; round <= rounds; round++) {
      Round there = round(cluster, leader, leader, by, count);
      Round through = round(cluster, leader, follower, by, count);
      if (round > 0) {
        direct.add(there);
        forwarded.add(through);
      }
    }
    double directMicros = median(direct.stream().map(Round::cpuMicros).toList());
    double forwardedMicros = median(forwarded.stream().map(Round::cpuMicros).toList());
    return new Json()
        .put("to_leader", figures(direct))
        .put("through_follower", figures(forwarded))
        .put("cpu_ratio", rounded(forwardedMicros / directMicros))
        .put("latency_ratio", rounded(latency(forwarded) / latency(direct)));
  }

  private static Json figures(List<Round> rounds) {
    var nanos = new ArrayList<Long>();
    rounds.forEach(round -> nanos.addAll(round.nanos()));
    return new Json()
        .put("per_second", rounded(median(rounds.stream().map(Round::perSecond).toList())))
        .put("messages_per_entry", rounded(median(rounds.stream().map(Round::perEntry).toList())))
        .put("cpu_us_per_message", rounded(median(rounds.stream().map(Round::cpuMicros).toList())))
        .put("latency_ms", FailoverBench.summary(nanos));
  }

  private static double latency(List<Round> rounds) {
    return median(
        rounds.stream().map(round -> (double) Pauses.quantile(round.nanos(), 0.5)).toList());
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().toList().get(values.size() / 2);
  }

  private static double rounded(double value) {
    return Math.round(value * 100) / 100.0;
  }

  private Round round(LocalCluster cluster, Node leader, Node target, int by, int count)
      throws InterruptedException {
    ManagedChannel channel =
        Grpc.newChannelBuilder(target.client().toString(), InsecureChannelCredentials.create())
            .build();
    ExecutorService senders = Executors.newFixedThreadPool(by);
    try {
      var metadata = new Metadata();
      metadata.put(Caller.CLIENT_ID, "bench");
      MessagingServiceBlockingStub stub =
          MessagingServiceGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
      double entries = OpsPage.metric(leader, "keelmq_proposed_entries_total");
      Duration cpu = cpu(cluster);
      long began = System.nanoTime();
      var parts = new ArrayList<Future<List<Long>>>();
      for (int i = 0; i < by; i++) {
        parts.add(senders.submit(() -> send(stub, count / by)));
      }
      var nanos = new ArrayList<Long>();
      for (Future<List<Long>> part : parts) {
        nanos.addAll(part.get());
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      double cpuMicros = cpu(cluster).minus(cpu).toNanos() / 1e3;
      double newEntries = OpsPage.metric(leader, "keelmq_proposed_entries_total") - entries;
      return new Round(
          nanos.size() / seconds, nanos.size() / newEntries, cpuMicros / nanos.size(), nanos);
    } catch (ExecutionException e) {
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "a send failed: " + e.getCause());
    } finally {
      senders.shutdownNow();
      channel.shutdownNow();
    }
  }

  private static Duration cpu(LocalCluster cluster) {
    Duration sum = Duration.ZERO;
    for (Node node : cluster.brokers()) {
      ProcessHandle process = ProcessHandle.of(cluster.pid(node)).orElseThrow();
      sum = sum.plus(process.info().totalCpuDuration().orElseThrow());
    }
    return sum;
  }

  private List<Long> send(MessagingServiceBlockingStub stub, int count) {
    ByteString body = ByteString.copyFrom(new byte[size]);
    var nanos = new ArrayList<Long>(count);
    for (int i = 0; i < count; i++) {
      var request =
          SendMessageRequest.newBuilder()
              .addMessages(
                  Message.newBuilder()
                      .setTopic(Resource.newBuilder().setName(TOPIC))
                      .setSystemProperties(
                          SystemProperties.newBuilder()
                              .setMessageId("%034X".formatted(nextId.incrementAndGet()))
                              .setMessageType(MessageType.NORMAL))
                      .setBody(body))
              .build();
      long began = System.nanoTime();
      var response = stub.withDeadlineAfter(DEADLINE).sendMessage(request);
      nanos.add(System.nanoTime() - began);
      if (response.getStatus().getCode() != Code.OK) {
        throw new ClusterFailure(
            ClusterFailure.Kind.FAILED, "a send was answered with " + response.getStatus());
      }
    }
    return nanos;
  }
}
