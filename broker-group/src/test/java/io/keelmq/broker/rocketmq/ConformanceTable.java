package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.TopicType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.SystemProperties;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Inputs, what RocketMQ's proxy 5.4.0 answers and what is answered here. Asks through a follower,
 * so that both replicas have a say.
 */
final class ConformanceTable implements AutoCloseable {

  private record Row(String input, String theirs, Code ours, Supplier<Code> actual) {}

  final ApiCluster cluster;
  final TestSdk sdk;
  private final List<Row> rows = new ArrayList<>();
  private int ids;

  ConformanceTable() throws Exception {
    cluster = new ApiCluster(1, 3);
    TestSdk.recordMembers(cluster, 3);
    for (TopicType type : TopicType.values()) {
      cluster.createTopic(type.name(), type, 2);
    }
    sdk = new TestSdk(cluster, 1, "client-1");
  }

  void row(String input, Code both, Supplier<Code> actual) {
    rows.add(new Row(input, both.name(), both, actual));
  }

  /** Where the answer differs on purpose. */
  void improved(String input, String theirs, Code ours, Supplier<Code> actual) {
    rows.add(new Row(input, theirs, ours, actual));
  }

  String id() {
    return "id-" + ++ids;
  }

  Code send(String topic, Consumer<SystemProperties.Builder> more) {
    return sdk.send(TestSdk.message(topic, id(), more)).getStatus().getCode();
  }

  /** Asks and prints row by row. */
  void check() {
    var wrong = new ArrayList<String>();
    System.out.printf("%-62s %-40s %s%n", "input", "RocketMQ 5.4.0", "here");
    for (Row row : rows) {
      Code actual = row.actual().get();
      System.out.printf(
          "%-62s %-40s %s%n",
          row.input(), row.theirs(), actual.name().equals(row.theirs()) ? "=" : actual.name());
      if (actual != row.ours()) {
        wrong.add(row.input() + ": expected " + row.ours() + ", found " + actual);
      }
    }
    assertEquals(List.of(), wrong);
  }

  @Override
  public void close() {
    cluster.close();
  }
}
