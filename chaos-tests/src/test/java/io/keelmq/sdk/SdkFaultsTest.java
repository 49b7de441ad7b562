package io.keelmq.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Reader;
import io.keelmq.common.Json;
import io.keelmq.local.CatchUp;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.RollingRestart;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.TopicType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: to a user of RocketMQ's own SDKs the death of a leader is a pause. Method: one program for
 * each language sends messages of all types and consumes them with push and simple consumers, while
 * the leader is killed every ten seconds, or frozen, or a name server is away, or all nodes are
 * restarted one after the other; then each history is judged by {@link SdkVerdict}.
 *
 * <p>{@code -Dsdk.seconds=300} asks for them, they are in no build; {@code -Dsdk.result=FILE} for
 * what they found, as lines of JSON.
 */
@Tag("chaos")
class SdkFaultsTest {

  private static final Map<String, TopicType> TOPICS =
      Map.of(
          "normal", TopicType.NORMAL,
          "fifo", TopicType.FIFO,
          "delay", TopicType.DELAY,
          "transaction", TopicType.TRANSACTION);

  private static final int QUEUES = 4;
  private static final Duration EVERY = Duration.ofSeconds(10);
  private static final Duration BETWEEN_RESTARTS = Duration.ofSeconds(3);
  private static final Duration OPEN_WITHIN = Duration.ofMinutes(3);
  private static final Duration STOP_WITHIN = Duration.ofMinutes(1);

  /**
   * Python's SDK looks every five minutes whether its stream lives, and says only five minutes
   * later what it answers for on a new one; a check may be four minutes away then.
   */
  private static final Duration DRAIN_WITHIN = Duration.ofMinutes(15);

  /** What an SDK repeats by itself. Node's does so for no message of a transaction. */
  private static final List<String> REPEATED = List.of("send-normal", "send-fifo", "send-delay");

  private final Map<String, SdkProgram> programs = new LinkedHashMap<>();
  private int faults;
  private LocalCluster cluster;

  private interface Faults {
    void inject(long endNanos);
  }

  @Test
  void leadersDie() throws Exception {
    run("leaders die", secondsAskedFor(), this::killLeaders, true);
  }

  @Test
  void leadersFreeze() throws Exception {
    run("leaders freeze", secondsAskedFor(), this::freezeLeaders, false);
  }

  @Test
  void nameServersDie() throws Exception {
    run("name servers die", secondsAskedFor(), this::killNameServers, true);
  }

  @Test
  void allRestart() throws Exception {
    run("all restart", secondsAskedFor(), this::restartAll, true);
  }

  private static int secondsAskedFor() {
    int seconds = Integer.getInteger("sdk.seconds", 0);
    assumeTrue(seconds > 0, "takes long: asked for with -Dsdk.seconds=60");
    return seconds;
  }

  private void killLeaders(long endNanos) {
    while (System.nanoTime() - endNanos < 0) {
      Node leader = cluster.leader();
      faults++;
      cluster.kill(leader);
      cluster.startNode(leader);
      pause(EVERY);
      cluster.awaitReady(List.of(leader), LocalCluster.START_DEADLINE);
    }
  }

  private void freezeLeaders(long endNanos) {
    while (System.nanoTime() - endNanos < 0) {
      Node leader = cluster.leader();
      faults++;
      cluster.pause(leader);
      pause(EVERY);
      cluster.resume(leader);
      pause(EVERY);
    }
  }

  private void killNameServers(long endNanos) {
    for (int i = 0; System.nanoTime() - endNanos < 0; i++) {
      Node one = cluster.nameServers().get(i % cluster.nameServers().size());
      faults++;
      cluster.kill(one);
      pause(EVERY);
      cluster.startNode(one);
      cluster.awaitReady(List.of(one), LocalCluster.START_DEADLINE);
      pause(EVERY);
    }
  }

  /** As an upgrade does. */
  private void restartAll(long endNanos) {
    try (var client = KeelClient.connect(cluster.endpoints())) {
      var restart =
          new RollingRestart(cluster, new CatchUp(client)::await, RollingRestart.Limits.DEFAULT);
      do {
        restart.run(node -> pause(BETWEEN_RESTARTS), step -> faults++);
      } while (System.nanoTime() - endNanos < 0);
    }
  }

  /** The schedule of a fault, not a wait for something. */
  private static void pause(Duration time) {
    Waiting.until(time, () -> false);
  }

  /**
   * @param repeated whether the SDKs' own repeats have to hide the faults from a sender: to one
   *     that is attached to a frozen process they cannot
   */
  private void run(String what, int seconds, Faults nemesis, boolean repeated) throws Exception {
    try (ScratchCluster scratch = ScratchCluster.create(options -> options)) {
      cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints())) {
        startPrograms(client);
        assumeTrue(!programs.isEmpty(), "no SDK is there");
        programs.values().forEach(program -> program.await("open", OPEN_WITHIN));
        nemesis.inject(System.nanoTime() + Duration.ofSeconds(seconds).toNanos());
        cluster.awaitReady(cluster.nodes(), LocalCluster.START_DEADLINE);
        programs.values().forEach(SdkProgram::stopSending);
        programs.values().forEach(program -> program.await("stopped", STOP_WITHIN));
        // Whatever is missing then is told by the verdict.
        Waiting.until(
            DRAIN_WITHIN,
            () -> programs.values().stream().allMatch(program -> program.history().isDrained()));
        programs.values().forEach(SdkProgram::close);
        judge(what, seconds, repeated, client);
      } finally {
        keepLogs(what);
      }
    } finally {
      programs.values().forEach(SdkProgram::close);
    }
  }

  /** What nodes said when a promise was broken cannot be had by another run. */
  private void keepLogs(String what) throws IOException {
    Path kept = Files.createDirectories(Path.of("target", "sdk-logs", what.replace(' ', '-')));
    for (Node node : cluster.nodes()) {
      Files.copy(
          cluster.logFile(node),
          kept.resolve(node.id() + ".log"),
          StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private void startPrograms(KeelClient client) throws Exception {
    for (Toolchain toolchain : Toolchain.values()) {
      String name = toolchain.lowerCase();
      if (toolchain.missing().isPresent()) {
        System.out.println(name + " is left out: " + toolchain.missing().get());
        continue;
      }
      List<String> command;
      try {
        toolchain.prepare();
        command = toolchain.program("faults", "5.2.0");
      } catch (Toolchain.RegistryUnreachable e) {
        System.out.println(name + " is left out: " + e.getMessage());
        continue;
      }
      TOPICS.forEach(
          (topic, type) ->
              client.admin().createTopic(name + "-" + topic, type, QUEUES, Duration.ZERO));
      client
          .admin()
          .createConsumerGroup(
              ConsumerGroup.newBuilder()
                  .setConsumerGroup(name + "-fifo")
                  .setKind(ConsumerGroupKind.LEASE)
                  .setFifo(true)
                  .build());
      Path log = toolchain.folder().resolveSibling(name + "-faults.log");
      programs.put(
          name,
          SdkProgram.start(
              toolchain, log, command, toolchain.accessPoint(cluster.nameServers()), name));
    }
  }

  private void judge(String what, int seconds, boolean repeated, KeelClient client)
      throws IOException {
    var lines = new ArrayList<String>();
    var broken = new ArrayList<String>();
    lines.add(new Json().put("run", what).put("seconds", seconds).put("faults", faults).toString());
    for (Map.Entry<String, SdkProgram> program : programs.entrySet()) {
      String name = program.getKey();
      var verdict = new SdkVerdict(program.getValue().history(), stored(client, name));
      lines.add(verdict.json(name).toString());
      verdict.broken().forEach(text -> broken.add(name + ": " + text));
      for (String kind : REPEATED) {
        if (repeated && verdict.failures(kind) > 0) {
          broken.add(name + ": " + verdict.failures(kind) + " failures of " + kind);
        }
      }
    }
    lines.forEach(System.out::println);
    String file = System.getProperty("sdk.result");
    if (file != null) {
      Files.write(Path.of(file + "." + what.replace(' ', '-') + ".json"), lines);
    }
    assertEquals(List.of(), broken, () -> String.join("\n", lines));
  }

  private static Map<String, Integer> stored(KeelClient client, String name) {
    var stored = new HashMap<String, Integer>();
    for (String topic : TOPICS.keySet()) {
      try (Reader reader = client.reader(name + "-" + topic).follow(false).open()) {
        for (ReadMessage message : reader) {
          stored.merge(message.bodyText(), 1, Integer::sum);
        }
      }
    }
    return stored;
  }
}
