package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.common.HostPort;
import io.keelmq.common.StatusDetails;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.NodeStatus;
import io.keelmq.local.PortPlan;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.Code;
import io.keelmq.v1.CommitOffsetsRequest;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.CreateConsumerGroupRequest;
import io.keelmq.v1.CreateTopicRequest;
import io.keelmq.v1.DescribeTopicRequest;
import io.keelmq.v1.Message;
import io.keelmq.v1.QueueOffset;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.StreamsGrpc;
import io.keelmq.v1.Topic;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * Goal: bad input gets its precise code, and bytes of no protocol get nothing; neither costs a
 * process, a message or an error at another client. Method: one cluster under load; each bad
 * request goes to every replica by bare stubs, then through the client and the command line; then
 * every port of every process gets rubbish drawn from the printed seed.
 */
@Tag("chaos")
class BadInputTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final String TOPIC = "edge";
  private static final int MAX_BODY = 4 << 20;
  private static final int CONNECTIONS_PER_PORT = 24;

  private final List<String> report = new ArrayList<>();

  @Test
  void refusesBadInputAndGoesOn() {
    var seed = ChaosPlan.givenOrNewSeed();
    var dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            "bad-input-" + Long.toString(System.currentTimeMillis(), 36));
    var options = new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()));
    var workload = new WorkloadOptions(2, 8, 4, 64, 1_024, 200, 512, Duration.ofSeconds(60));

    ChaosResult result =
        new ChaosRun(options, new ChaosPlan("bad-input", seed, workload, 1_000, 0))
            .run(
                faults -> {
                  LocalCluster cluster = faults.cluster();
                  faults.awaitMoreOks(100, PROGRESS);
                  Map<Node, Long> pids = pids(cluster);
                  try (var client = KeelClient.connect(cluster.endpoints())) {
                    client.admin().createTopic(TOPIC, 4);
                    cluster.brokers().forEach(this::refusesBadRequests);
                    refusesInTheClient(client);
                  }
                  refusesOnTheCommandLine(cluster);
                  bearsRubbish(faults, seed.random());
                  assertEquals(pids, pids(cluster), "a process has ended");
                });

    System.out.println(result.text() + "\n" + String.join("\n", report));
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
    ClusterFolder.delete(dir);
  }

  private static Map<Node, Long> pids(LocalCluster cluster) {
    var pids = new LinkedHashMap<Node, Long>();
    for (NodeStatus status : cluster.status()) {
      assertEquals(NodeStatus.State.READY, status.state(), () -> "" + status);
      pids.put(status.node(), status.pid());
    }
    return pids;
  }

  private void refusesBadRequests(Node node) {
    ManagedChannel channel =
        Grpc.newChannelBuilder(node.client().toString(), InsecureChannelCredentials.create())
            .build();
    try {
      var streams = StreamsGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
      var admin = AdminGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
      String at = " at " + node.id();
      for (String name : List.of("", "a b", "ä", "a/b", "..", "a\nb", "x".repeat(128))) {
        var send = send().setTopic(name).build();
        refused(Code.ILLEGAL_TOPIC, "send to bad topic" + at, () -> streams.send(send));
        var read = ReadRequest.newBuilder().setTopic(name).build();
        refused(Code.ILLEGAL_TOPIC, "read of bad topic" + at, () -> streams.read(read).hasNext());
        refused(
            Code.ILLEGAL_TOPIC, "create bad topic" + at, () -> admin.createTopic(topic(name, 1)));
      }
      sends(streams, at);
      reads(streams, at);
      settings(admin, at);
      // What lies on the border is fine.
      streams.send(message(Message.newBuilder().setBody(body(MAX_BODY)).setMessageId("max" + at)));
      streams.send(message(properties(128).setMessageId("128" + at)));
    } finally {
      channel.shutdownNow();
    }
  }

  private void sends(StreamsGrpc.StreamsBlockingStub streams, String at) {
    refused(
        Code.TOPIC_NOT_FOUND,
        "send to unknown topic" + at,
        () -> streams.send(send().setTopic("nowhere").build()));
    refused(
        Code.QUEUE_NOT_FOUND,
        "send to unknown queue" + at,
        () -> streams.send(send().setQueue(4).build()));
    refused(
        Code.QUEUE_NOT_FOUND,
        "send to negative queue" + at,
        () -> streams.send(send().setQueue(-1).build()));
    refused(
        Code.MESSAGE_BODY_TOO_LARGE,
        "body of 4 MiB and a byte" + at,
        () -> streams.send(message(Message.newBuilder().setBody(body(MAX_BODY + 1)))));
    refused(
        Code.MESSAGE_PROPERTIES_TOO_LARGE,
        "129 properties" + at,
        () -> streams.send(message(properties(129))));
    refused(
        Code.ILLEGAL_MESSAGE_ID,
        "no message id" + at,
        () -> streams.send(send().setMessage(Message.getDefaultInstance()).build()));
    refused(
        Code.INVALID_ARGUMENT,
        "no client id" + at,
        () -> streams.send(send().setClientId("").build()));
  }

  private void reads(StreamsGrpc.StreamsBlockingStub streams, String at) {
    refused(
        Code.TOPIC_NOT_FOUND,
        "read of unknown topic" + at,
        () -> streams.read(ReadRequest.newBuilder().setTopic("nowhere").build()).hasNext());
    refused(
        Code.ILLEGAL_OFFSET,
        "read from a negative offset" + at,
        () -> streams.read(read(0, -1)).hasNext());
    refused(
        Code.OFFSET_OUT_OF_RANGE,
        "read from beyond the end" + at,
        () -> streams.read(read(0, 1L << 40)).hasNext());
    refused(
        Code.QUEUE_NOT_FOUND,
        "read of unknown queue" + at,
        () -> streams.read(read(4, 0)).hasNext());
  }

  private void settings(AdminGrpc.AdminBlockingStub admin, String at) {
    refused(
        Code.TOPIC_EXISTS, "create a topic again" + at, () -> admin.createTopic(topic(TOPIC, 2)));
    for (int queues : new int[] {-1, 1_025, Integer.MAX_VALUE}) {
      refused(
          Code.INVALID_ARGUMENT,
          queues + " queues" + at,
          () -> admin.createTopic(topic("fine", queues)));
    }
    refused(
        Code.TOPIC_NOT_FOUND,
        "describe unknown topic" + at,
        () -> admin.describeTopic(DescribeTopicRequest.newBuilder().setTopic("nowhere").build()));
    refused(
        Code.ILLEGAL_CONSUMER_GROUP,
        "create bad consumer group" + at,
        () ->
            admin.createConsumerGroup(
                CreateConsumerGroupRequest.newBuilder()
                    .setConsumerGroup(ConsumerGroup.newBuilder().setConsumerGroup("a b"))
                    .build()));
    refused(
        Code.ILLEGAL_OFFSET,
        "commit a negative offset" + at,
        () ->
            admin.commitOffsets(
                CommitOffsetsRequest.newBuilder()
                    .setConsumerGroup("readers")
                    .setTopic(TOPIC)
                    .addOffsets(QueueOffset.newBuilder().setOffset(-1))
                    .build()));
  }

  private void refusesInTheClient(KeelClient client) {
    try (var producer = client.producer().open()) {
      rejected(Code.ILLEGAL_TOPIC, "a b", OutgoingMessage.of("a b", "x"), producer::send);
      rejected(Code.TOPIC_NOT_FOUND, "nowhere", OutgoingMessage.of("nowhere", "x"), producer::send);
      rejected(
          Code.MESSAGE_BODY_TOO_LARGE,
          "4 MiB and a byte",
          OutgoingMessage.of(TOPIC, new byte[MAX_BODY + 1]),
          producer::send);
      var many = OutgoingMessage.builder(TOPIC);
      for (int i = 0; i < 129; i++) {
        many.property("p" + i, "v");
      }
      rejected(Code.MESSAGE_PROPERTIES_TOO_LARGE, "129 properties", many.build(), producer::send);
      // A refused message takes nothing with it.
      producer.send(OutgoingMessage.of(TOPIC, "fine")).join();
    }
  }

  private interface Sender {
    CompletableFuture<?> send(OutgoingMessage message);
  }

  private void rejected(Code code, String what, OutgoingMessage message, Sender sender) {
    KeelException refusal;
    try {
      Throwable failure = sender.send(message).handle((receipt, thrown) -> thrown).join();
      assertTrue(failure != null, "client: " + what + " was not refused");
      refusal = (KeelException) (failure instanceof KeelException ? failure : failure.getCause());
    } catch (KeelException e) {
      refusal = e;
    }
    assertEquals(code, refusal.code(), what);
    report.add("  client: " + what + "\n    " + refusal);
  }

  private void refusesOnTheCommandLine(LocalCluster cluster) {
    Path folder = cluster.logFile(cluster.nodes().get(0)).getParent();
    String endpoints = cluster.endpoints();
    // Nobody listens on port 1.
    String nobody = "127.0.0.1:1";
    commandLine(folder, 2, "topic name", endpoints, "topic", "create", "a b", "--queues", "1");
    commandLine(folder, 2, "topic name", endpoints, "send", "--topic", "a/b", "text");
    commandLine(folder, 3, "topic list", endpoints, "topic", "describe", "nowhere");
    commandLine(folder, 3, "topic list", endpoints, "read", "--topic", "nowhere");
    commandLine(folder, 3, "topic list", endpoints, "send", "--topic", "nowhere", "text");
    commandLine(folder, 4, nobody, nobody, "topic", "list");
  }

  private void commandLine(
      Path folder, int exitCode, String part, String endpoints, String... words) {
    String timeout = exitCode == 4 ? "500ms" : "60s";
    // Time enough for a busy machine.
    var arguments = new ArrayList<>(List.of("--endpoints", endpoints, "--timeout", timeout));
    arguments.addAll(List.of(words));
    try (var run = ProgramRun.start(folder, "keelmq", arguments)) {
      assertEquals(exitCode, run.exitCode(), () -> words[0] + " " + run.errors());
      assertEquals(List.of(), run.output());
      assertEquals(1, run.errors().size(), () -> String.join("\n", run.errors()));
      report.add(
          "  keelmq %s: exit %d\n    %s"
              .formatted(String.join(" ", words), exitCode, run.errors().get(0)));
      assertTrue(run.errors().get(0).contains(part), () -> run.errors().get(0));
    }
  }

  /** While messages are sent: nobody ends, and no send fails. */
  private void bearsRubbish(Faults faults, Random random) {
    LocalCluster cluster = faults.cluster();
    var rubbish = new Rubbish(random);
    for (int i = 0; i < CONNECTIONS_PER_PORT; i++) {
      for (Node node : cluster.nodes()) {
        for (HostPort port : ports(node)) {
          rubbish.throwAt(port);
        }
      }
    }
    faults.awaitMoreOks(300, PROGRESS);
    cluster.awaitReady(cluster.nodes(), PROGRESS);
    report.add(
        "  rubbish: %d connections, %d bytes, on %d processes"
            .formatted(rubbish.connections(), rubbish.bytes(), cluster.nodes().size()));
    for (Node node : cluster.nodes()) {
      List<String> lines = ProgramRun.errorLines(cluster.tail(node, 1_000));
      report.add("  ERROR lines of %s: %d".formatted(node.id(), lines.size()));
      lines.stream().limit(3).forEach(line -> report.add("    " + line));
    }
  }

  private static List<HostPort> ports(Node node) {
    return node.isBroker()
        ? List.of(node.client(), node.raft(), node.ops())
        : List.of(node.client(), node.ops());
  }

  private void refused(Code code, String what, Executable call) {
    var failure = assertThrows(StatusRuntimeException.class, call, what);
    var detail = StatusDetails.fromThrowable(failure);
    assertEquals(code, detail.getCode(), () -> what + ": " + detail.getMessage());
    if (what.endsWith("n1")) {
      report.add("  " + what + "\n    " + detail.getCode() + ": " + detail.getMessage());
    }
  }

  private static SendRequest.Builder send() {
    return SendRequest.newBuilder()
        .setClientId("bad-input")
        .setTopic(TOPIC)
        .setMessage(Message.newBuilder().setMessageId("m"));
  }

  private static SendRequest message(Message.Builder message) {
    if (message.getMessageId().isEmpty()) {
      message.setMessageId("m");
    }
    return send().setMessage(message).build();
  }

  private static Message.Builder properties(int count) {
    var message = Message.newBuilder();
    for (int i = 0; i < count; i++) {
      message.putProperties("p" + i, "v");
    }
    return message;
  }

  private static ByteString body(int bytes) {
    return ByteString.copyFrom(new byte[bytes]);
  }

  private static CreateTopicRequest topic(String name, int queues) {
    return CreateTopicRequest.newBuilder()
        .setTopic(Topic.newBuilder().setTopic(name).setQueues(queues))
        .build();
  }

  private static ReadRequest read(int queue, long offset) {
    return ReadRequest.newBuilder()
        .setTopic(TOPIC)
        .addQueues(
            ReadRequest.QueueStart.newBuilder()
                .setQueue(queue)
                .setFrom(ReadFrom.newBuilder().setOffset(offset)))
        .build();
  }
}
