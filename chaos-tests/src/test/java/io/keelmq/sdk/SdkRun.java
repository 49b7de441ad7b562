package io.keelmq.sdk;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.client.Admin;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.TopicType;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One SDK in one configuration, going through all scenarios of {@code src/test/sdk/README.md}.
 *
 * @param name also the prefix of its topics and groups
 * @param version of Java's SDK; empty for the others, whose sources say it
 * @param security tls, plaintext, or empty for what the SDK does by itself
 */
record SdkRun(String name, Toolchain toolchain, String version, String security) {

  /** The topics of each scenario, whose first is the scenario's name. */
  private static final Map<String, TopicType> TOPICS =
      Map.ofEntries(
          Map.entry("normal", TopicType.NORMAL),
          Map.entry("push", TopicType.NORMAL),
          Map.entry("two-topics", TopicType.NORMAL),
          Map.entry("two-topics-2", TopicType.NORMAL),
          Map.entry("fifo", TopicType.FIFO),
          Map.entry("delay", TopicType.DELAY),
          Map.entry("transaction", TopicType.TRANSACTION),
          Map.entry("dlq", TopicType.NORMAL),
          Map.entry("tag", TopicType.NORMAL),
          Map.entry("sql", TopicType.NORMAL),
          Map.entry("priority", TopicType.PRIORITY));

  static final List<String> SCENARIOS =
      List.of(
          "normal",
          "push",
          "two-topics",
          "fifo",
          "delay",
          "transaction",
          "dlq",
          "tag",
          "sql",
          "priority");

  private static final int QUEUES = 4;
  private static final int DLQ_AFTER = 2;
  private static final Duration RUN_WITHIN = Duration.ofMinutes(3);

  /** The scenarios' lines: PASS, FAIL or SKIP and what follows. */
  record Outcome(String missing, Map<String, String> lines) {

    void check(String scenario) {
      assumeTrue(missing.isEmpty(), missing);
      String line = lines.get(scenario);
      assertNotNull(line, "no line of this scenario in " + lines);
      assumeTrue(!line.startsWith("SKIP"), line);
      assertTrue(line.startsWith("PASS"), line);
    }
  }

  void createTopics(Admin admin) {
    TOPICS.forEach(
        (topic, type) -> admin.createTopic(name + "-" + topic, type, QUEUES, Duration.ZERO));
    admin.createConsumerGroup(lease("fifo").setFifo(true).build());
    admin.createConsumerGroup(lease("dlq").setMaxAttempts(DLQ_AFTER).build());
  }

  private ConsumerGroup.Builder lease(String scenario) {
    return ConsumerGroup.newBuilder()
        .setConsumerGroup(name + "-" + scenario)
        .setKind(ConsumerGroupKind.LEASE);
  }

  Outcome run(String endpoints) throws IOException, InterruptedException {
    var missing = toolchain.missing();
    if (missing.isPresent()) {
      return new Outcome(missing.get(), Map.of());
    }
    List<String> command;
    try {
      toolchain.prepare();
      command = toolchain.program("scenarios", version);
    } catch (Toolchain.RegistryUnreachable e) {
      return new Outcome(e.getMessage(), Map.of());
    }
    var lines = new HashMap<String, String>();
    for (String line : toolchain.run(name, RUN_WITHIN, command, endpoints, name, security)) {
      String[] words = line.split(" ", 3);
      if (words.length == 3 && line.matches("(PASS|FAIL|SKIP) .*")) {
        lines.put(words[1], words[0] + " " + words[2]);
      }
    }
    return new Outcome("", lines);
  }
}
