package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.client.MessagePlace;
import io.keelmq.v1.Message;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What programs read is kept: each command's objects, field by field, are those of the golden file.
 * A field may be added to it; none may change or go.
 */
class JsonFieldsTest {
  @TempDir Path temp;

  private final CommandLineRun keelmq = new CommandLineRun();

  @Test
  void fieldsAreThoseOfTheGoldenFile() throws IOException {
    keelmq.cluster.topics.put(
        "orders",
        Topic.newBuilder().setTopic("orders").setType(TopicType.NORMAL).setQueues(1).build());
    var lines = new ArrayList<String>();
    record(lines, "topic", "create", "fresh", "--retention", "2h");
    record(lines, "topic", "list");
    record(lines, "send", "--topic", "orders", "--key", "k", "hello");
    keelmq.cluster.store(
        Message.newBuilder()
            .setMessageId("m1")
            .setBornTimeMillis(FakeCluster.STORE_TIME_MILLIS - 1)
            .putProperties("b", "2")
            .putProperties("a", "1")
            .setBody(ByteString.copyFrom(new byte[] {(byte) 0xc3, 0x28}))
            .build());
    record(lines, "read", "--topic", "orders");
    record(lines, "send", "--topic", "orders", "--half", "a deal");
    record(lines, "tx", "list", "--topic", "orders");
    record(lines, "tx", "resolve", "1-7", "--topic", "orders", "--commit");
    record(lines, "send", "--topic", "orders", "--half", "--commit", "a deal");
    record(lines, "send", "--topic", "orders", "--half", "--rollback", "no deal");
    keelmq.cluster.hold(
        "orders",
        false,
        Message.newBuilder()
            .setMessageId("m2")
            .addKeys("k")
            .setBody(ByteString.copyFrom(new byte[] {(byte) 0xc3, 0x28}))
            .build());
    record(lines, "timer", "list", "--topic", "orders");
    record(lines, "timer", "cancel", "1-7", "--topic", "orders");
    keelmq.cluster.hold("orders", true, Message.getDefaultInstance());
    record(lines, "tx", "resolve", "1-7", "--topic", "orders", "--rollback");
    record(lines, "topic", "describe", "orders");
    record(lines, "topic", "alter", "orders", "--queues", "2");
    record(lines, "topic", "delete", "orders");
    record(lines, "send", "--topic", "fresh", "--quiet", "hello");
    record(lines, "group", "create", "billing");
    record(lines, "group", "create", "shipping", "--kind", "lease", "--fifo", "--from", "latest");
    record(lines, "group", "list");
    record(lines, "group", "describe", "billing");
    record(lines, "group", "describe", "shipping");
    record(lines, "group", "lag", "shipping", "--topic", "orders");
    record(lines, "group", "seek", "billing", "--topic", "fresh", "--to", "earliest");
    record(lines, "group", "reset", "billing", "--topic", "fresh", "--to", "latest");
    record(lines, "receive", "--topic", "fresh", "--group", "shipping");
    record(lines, "message", "get", "fresh", "0", "1");
    record(lines, "message", "query", "fresh", "--id", "m1");
    buryOne();
    record(lines, "dlq", "list", "billing");
    record(lines, "dlq", "resend", "billing", "--all");
    record(lines, "group", "delete", "billing");
    // Something is found, which is no failure of the command.
    keelmq.run("doctor", "-o", "json", "--pause", "0");
    lines.add("# doctor");
    lines.addAll(keelmq.outLines());
    var folder = temp.resolve("b").toString();
    for (String what : List.of("create", "verify")) {
      assertEquals(0, keelmq.run("backup", what, folder, "-o", "json"));
      lines.add("# backup " + what);
      keelmq.outLines().forEach(line -> lines.add(line.replace(folder, "b")));
    }
    record(lines, "cluster", "init");
    record(lines, "cluster", "status");
    record(lines, "cluster", "transfer", "--to", "n2");
    record(lines, "cluster", "add", "n4", "--raft", "h:10914", "--client", "h:8084", "--learner");
    record(lines, "cluster", "rebuild", "n2", "--from", "n1");
    record(lines, "cluster", "replace", "n4", "n5", "--raft", "h:10915", "--client", "h:8085");
    record(lines, "cluster", "remove", "n5");
    record(lines, "cluster", "add", "n4", "--raft", "h:10914", "--client", "h:8084", "--learner");
    record(lines, "cluster", "promote", "n4");
    record(lines, "cluster", "remove", "n4");

    assertEquals(golden(), String.join("\n", lines) + "\n");
  }

  @Test
  void everyFieldIsSnakeCase() throws IOException {
    var names = Pattern.compile("\"([^\"]+)\":").matcher(golden());
    int count = 0;
    while (names.find()) {
      count++;
      assertTrue(names.group(1).matches("[a-z][a-z0-9_]*"), names.group(1));
    }
    assertTrue(count > 50);
  }

  @Test
  void benchTellsEachFigure() {
    int exitCode =
        keelmq.run(
            "bench produce -o json --count 500 --warmup 0 --size 10 --in-flight 8".split(" "));

    assertEquals(0, exitCode, () -> keelmq.errLines().toString());
    assertEquals(
        List.of(
            "command",
            "topic",
            "size",
            "producers",
            "in_flight",
            "rate",
            "failed",
            "messages",
            "bytes",
            "seconds",
            "messages_per_second",
            "mb_per_second",
            "latency_ms",
            "count",
            "mean",
            "p50",
            "p90",
            "p99",
            "p999",
            "max",
            "client_cpu_seconds",
            "servers"),
        names());
  }

  private void buryOne() {
    keelmq.cluster.stored.clear();
    keelmq.cluster.bury(
        Message.newBuilder().setMessageId("m9").setBody(ByteString.copyFromUtf8("dead")).build(),
        new MessagePlace("fresh", 1, 41));
  }

  @Test
  void benchConsumeTellsEachFigure() {
    keelmq.cluster.topics.put("bench", Topic.newBuilder().setTopic("bench").build());
    keelmq.cluster.store(
        Message.newBuilder()
            .setBornTimeMillis(CommandLineRun.NOW.toEpochMilli() - 5)
            .setBody(ByteString.copyFromUtf8("12345"))
            .build());

    int exitCode = keelmq.run("bench consume -o json --messages 1".split(" "));

    assertEquals(0, exitCode, () -> keelmq.errLines().toString());
    assertEquals(
        List.of(
            "command",
            "topic",
            "group",
            "consumers",
            "threads",
            "in_flight",
            "acknowledged",
            "redelivered",
            "lost_leases",
            "settle_requests",
            "first_message_ms",
            "messages",
            "bytes",
            "seconds",
            "messages_per_second",
            "mb_per_second",
            "latency_ms",
            "count",
            "mean",
            "p50",
            "p90",
            "p99",
            "p999",
            "max",
            "client_cpu_seconds",
            "servers"),
        names());
    assertTrue(keelmq.out().contains("\"bytes\":5,"), keelmq::out);
    assertTrue(keelmq.out().contains("\"p50\":5.0"), keelmq::out);
    assertEquals(List.of("closed"), keelmq.cluster.ends);
  }

  private List<String> names() {
    var names = new ArrayList<String>();
    var matcher = Pattern.compile("\"([^\"]+)\":").matcher(keelmq.out());
    while (matcher.find()) {
      names.add(matcher.group(1));
    }
    return names;
  }

  private void record(List<String> lines, String... words) {
    var args = new ArrayList<>(List.of(words));
    args.add("-o");
    args.add("json");
    assertEquals(0, keelmq.run(args.toArray(String[]::new)), () -> keelmq.errLines().toString());
    lines.add("# " + String.join(" ", words));
    lines.addAll(keelmq.outLines());
  }

  private static String golden() throws IOException {
    try (var in = JsonFieldsTest.class.getResourceAsStream("/golden/cli.json.txt")) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
