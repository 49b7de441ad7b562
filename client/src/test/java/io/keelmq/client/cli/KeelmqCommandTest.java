package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.ClientValues;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeelmqCommandTest {
  private final CommandLineRun keelmq = new CommandLineRun();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "topic",
        "nonsense",
        "topic create",
        "topic create has.dot",
        "topic create orders --queues 0",
        "topic create orders --queues x",
        "topic create orders --type round",
        "topic create orders --retention soon",
        "topic alter orders",
        "send hello",
        "send --topic orders --queue -1 hello",
        "read --topic orders --from yesterday",
        "read --topic orders --max 0",
        "group seek billing --topic orders",
        "group create billing --fifo",
        "group create billing --kind lease --max-attempts 0",
        "group create billing --kind round",
        "receive --topic orders",
        "receive --topic orders --group g --max 0",
        "receive --topic orders --group g --wait 2d",
        "message get orders 0",
        "message get orders -- -1 0",
        "message query orders --begin yesterday",
        "message query orders --max 0",
        "dlq",
        "dlq list billing --max 0",
        "dlq resend billing",
        "dlq resend billing --all --offset 3",
        "dlq resend billing --offset 7..3",
        "dlq resend billing --offset x",
        "bench consume --consumers 0",
        "bench consume --in-flight 20000",
        "cluster init --replicas 2",
        "bench produce --size 4194305",
        "bench produce --seconds soon",
        "bench read --seconds 2d",
        "topic list --timeout 0",
        "topic list -o xml",
      })
  void answersWrongUsageWithOneLineAndExitCode2(String words) {
    int exitCode = keelmq.run(words.isEmpty() ? new String[0] : words.split(" "));

    assertEquals(2, exitCode, () -> keelmq.errLines().toString());
    assertEquals(1, keelmq.errLines().size(), () -> keelmq.errLines().toString());
    assertTrue(keelmq.errLines().get(0).startsWith("keelmq: "));
    assertEquals("", keelmq.out());
  }

  @Test
  void tellsWhatIsWrongWithATopicName() {
    keelmq.run("topic", "create", "orders/new");

    assertTrue(
        keelmq.errLines().get(0).contains("\"orders/new\" is no topic name: use 1 to 127"),
        () -> keelmq.errLines().toString());
  }

  @Test
  void exitsWith3WhenTheTopicIsMissing() {
    assertEquals(3, keelmq.run("topic", "describe", "orders"));
    assertEquals(
        List.of(
            "keelmq: topic orders does not exist: `keelmq topic create NAME` makes one,"
                + " `keelmq topic list` shows all"),
        keelmq.errLines());
  }

  @Test
  void addsAnObjectForProgramsToAnError() {
    assertEquals(3, keelmq.run("topic", "delete", "orders", "-o", "json"));

    assertEquals(2, keelmq.errLines().size());
    assertTrue(keelmq.errLines().get(1).startsWith("{\"error\":\"topic orders does not exist"));
    assertTrue(keelmq.errLines().get(1).endsWith(",\"code\":\"TOPIC_NOT_FOUND\"}"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-o json nonsense", "nonsense -o json", "nonsense --output=json"})
  void addsAnObjectToWrongUsageToo(String words) {
    assertEquals(2, keelmq.run(words.split(" ")));

    assertEquals(2, keelmq.errLines().size(), () -> keelmq.errLines().toString());
    assertTrue(keelmq.errLines().get(1).contains("\"code\":\"INVALID_ARGUMENT\""));
  }

  @Test
  void exitsWith4AndNamesTheEndpointsWhenNobodyIsThere() {
    keelmq.cluster.failure = ClientValues.unavailable("no name server answered within 10 s");

    assertEquals(4, keelmq.run("topic", "list", "--endpoints", "h1:1,h2:2"));
    assertTrue(keelmq.errLines().get(0).contains("h1:1,h2:2"));
  }

  @Test
  void exitsWith4WhenTheOutcomeIsUnknown() {
    keelmq.cluster.failure = ClientValues.outcomeUnknown("no answer within 10 s");

    assertEquals(4, keelmq.run("topic", "create", "orders"));
  }

  @Test
  void exitsWith5WhenTheClusterIsNotInitialized() {
    keelmq.cluster.failure =
        ClientValues.rejected(Code.NOT_INITIALIZED, "group g0 is not initialized");

    assertEquals(5, keelmq.run("topic", "list"));
    assertEquals(
        List.of("keelmq: group g0 is not initialized: run `keelmq cluster init` once"),
        keelmq.errLines());
  }

  @Test
  void exitsWith1OnAFaultOfItsOwnAndShowsTheStackOnlyWithDebug() {
    keelmq.cluster.failure = new IllegalStateException("seven");

    assertEquals(1, keelmq.run("topic", "list"));
    assertEquals(1, keelmq.errLines().size());
    assertEquals(1, keelmq.run("topic", "list", "--debug"));
    assertTrue(keelmq.errLines().stream().anyMatch(line -> line.contains("\tat ")));
  }

  @Test
  void takesEndpointsFromTheOptionThenTheVariables() {
    keelmq.run("topic", "list");
    assertEquals("127.0.0.1:9876", keelmq.cluster.endpoints);

    keelmq.variables.put("NAMESRV_ADDR", "a:1;b:2");
    keelmq.run("topic", "list");
    assertEquals("a:1;b:2", keelmq.cluster.endpoints);

    keelmq.variables.put("KEELMQ_ENDPOINTS", "c:3");
    keelmq.run("topic", "list");
    assertEquals("c:3", keelmq.cluster.endpoints);

    keelmq.run("--endpoints", "d:4", "topic", "list");
    assertEquals("d:4", keelmq.cluster.endpoints);
  }

  @Test
  void makesATopicAsAsked() {
    int exitCode =
        keelmq.run(
            "topic", "create", "orders", "--queues", "8", "--type", "fifo", "--retention", "7d");

    assertEquals(0, exitCode);
    assertEquals(
        Topic.newBuilder()
            .setTopic("orders")
            .setType(TopicType.FIFO)
            .setQueues(8)
            .setRetentionMillis(604_800_000)
            .build(),
        keelmq.cluster.topics.get("orders"));
    assertEquals(
        List.of(
            "TOPIC   TYPE  QUEUES  RETENTION  QUEUE-BYTES",
            "orders  fifo  8       7d         unlimited"),
        keelmq.outLines());
    assertTrue(keelmq.cluster.closed);
  }

  @Test
  void tellsFromStatusWhetherTheClusterCanBeUsed() {
    assertEquals(0, keelmq.run("cluster", "status"));

    keelmq.cluster.brokerGroups.leader = "";
    assertEquals(4, keelmq.run("cluster", "status"));

    keelmq.cluster.brokerGroups.role = ReplicaRole.UNINITIALIZED;
    assertEquals(5, keelmq.run("cluster", "status"));
    assertTrue(keelmq.errLines().get(0).contains("keelmq cluster init"));
  }

  @Test
  void showsAReplicaALine() {
    keelmq.run("cluster", "status");

    assertTrue(
        keelmq.outLines().stream()
            .anyMatch(
                line ->
                    line.matches(
                        "ROLE +NODE +STATE +TERM +APPLIED +INCARNATION +VERSION +LEVELS"
                            + " +CLIENT.*")),
        keelmq::out);
    assertTrue(
        keelmq.outLines().stream().anyMatch(line -> line.matches("leader +n1 +ready +.*")),
        keelmq::out);
  }

  @Test
  void showsChangesOfMembersThatAreUnderWay() {
    keelmq.run("cluster", "add", "n4", "--raft", "h:1", "--client", "h:2");

    keelmq.run("cluster", "status");

    assertTrue(keelmq.out().contains("n4 may join: start its broker"), keelmq::out);
    assertEquals(2, keelmq.run("cluster", "add", "n5", "--raft", "nowhere", "--client", "h:2"));
    assertEquals(2, keelmq.run("cluster", "add", "n5", "--client", "h:2"));
  }

  @Test
  void waitsForAChangeOfMembersForAsLongAsItIsTold() {
    keelmq.run("cluster", "add", "n4", "--raft", "h:1", "--client", "h:2", "--wait", "0s");

    // The fake's replica never comes.
    int exit =
        keelmq.run("cluster", "add", "n4", "--raft", "h:1", "--client", "h:2", "--wait", "10ms");

    assertEquals(4, exit);
    assertTrue(keelmq.errLines().get(0).contains("it goes on by itself"), keelmq::out);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "0s", "0ms"})
  void takesSecondsWithAndWithoutTheirUnit(String time) {
    assertEquals(0, keelmq.run("bench", "produce", "--warmup", time, "--seconds", time));
  }

  @Test
  void printsHelpWithoutColours() {
    assertEquals(0, keelmq.run("--help"));
    assertTrue(keelmq.out().contains("Exit codes:"));
    assertFalse(keelmq.out().contains("\u001b"));
    assertEquals(0, keelmq.run("bench", "produce", "--help"));
    assertTrue(keelmq.out().contains("--in-flight"));
  }
}
