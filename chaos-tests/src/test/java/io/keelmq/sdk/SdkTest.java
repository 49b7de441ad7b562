package io.keelmq.sdk;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import java.io.IOException;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.TestAbortedException;

/**
 * Goal: RocketMQ's own SDKs, unmodified, do all they can here. Method: each is fetched from its
 * registry and goes through its scenarios against two name servers and three brokers; then the
 * programs of {@code docs/clients.md} are run as they stand there.
 */
@Tag("chaos")
class SdkTest {

  /** SDKs wait more than they work. */
  private static final int AT_ONCE = 3;

  private static final long PATIENCE_MINUTES = 10;

  /** Where builds take long comes first. */
  private static final List<SdkRun> RUNS =
      List.of(
          new SdkRun("go", Toolchain.GO, "", ""),
          new SdkRun("python", Toolchain.PYTHON, "", ""),
          new SdkRun("node", Toolchain.NODE, "", ""),
          // Those that verify certificates, and do without TLS by themselves.
          new SdkRun("python-tls", Toolchain.PYTHON, "", "tls"),
          new SdkRun("node-tls", Toolchain.NODE, "", "tls"),
          // TLS is what it does by itself.
          new SdkRun("java-520", Toolchain.JAVA, "5.2.0", ""),
          new SdkRun("java-520-plaintext", Toolchain.JAVA, "5.2.0", "plaintext"),
          new SdkRun("java-508", Toolchain.JAVA, "5.0.8", ""));

  private static ScratchCluster scratch;
  private static ExecutorService threads;
  private static final Map<SdkRun, Future<SdkRun.Outcome>> OUTCOMES = new LinkedHashMap<>();
  private static final Map<ClientsDoc.Program, Future<List<String>>> PROGRAMS =
      new LinkedHashMap<>();

  @BeforeAll
  static void start() throws Exception {
    scratch = ScratchCluster.create(options -> options);
    LocalCluster cluster = scratch.cluster();
    cluster.start(LocalCluster.START_DEADLINE);
    Toolchain.trust(certificates(cluster));
    try (var client = KeelClient.connect(cluster.endpoints())) {
      for (SdkRun run : RUNS) {
        run.createTopics(client.admin());
      }
      client.admin().createTopic(ClientsDoc.TOPIC, 4);
    }
    threads = Executors.newFixedThreadPool(AT_ONCE);
    for (SdkRun run : RUNS) {
      OUTCOMES.put(run, threads.submit(() -> run.run(accessPoint(run, cluster))));
    }
    for (ClientsDoc.Program program : ClientsDoc.programs()) {
      PROGRAMS.put(
          program,
          threads.submit(() -> program.run(cluster.nameServers().get(0).client().toString())));
    }
  }

  @AfterAll
  static void stop() {
    if (threads != null) {
      threads.shutdownNow();
    }
    if (scratch != null) {
      scratch.close();
    }
  }

  /** What brokers made at their first start; name servers keep none. */
  private static String certificates(LocalCluster cluster) throws IOException {
    var all = new StringBuilder();
    for (Node broker : cluster.brokers()) {
      all.append(Files.readString(cluster.dataDir(broker).resolve("tls/server.crt")));
    }
    return all.toString();
  }

  /** Name servers for most; any broker will do as well. */
  private static String accessPoint(SdkRun run, LocalCluster cluster) {
    if (run.security().equals("tls")) {
      // Python's takes all addresses together for the name that a certificate has to bear.
      return run.toolchain().accessPoint(cluster.brokers().subList(0, 1));
    }
    return run.toolchain()
        .accessPoint(run.name().equals("java-508") ? cluster.brokers() : cluster.nameServers());
  }

  @TestFactory
  Stream<DynamicContainer> scenarios() {
    return RUNS.stream()
        .map(
            run ->
                DynamicContainer.dynamicContainer(
                    run.name(),
                    SdkRun.SCENARIOS.stream()
                        .map(
                            scenario ->
                                DynamicTest.dynamicTest(
                                    run.name() + " " + scenario,
                                    () -> outcome(run).check(scenario)))));
  }

  private static SdkRun.Outcome outcome(SdkRun run) throws Exception {
    return OUTCOMES.get(run).get(PATIENCE_MINUTES, TimeUnit.MINUTES);
  }

  private static List<String> output(ClientsDoc.Program program) throws Exception {
    try {
      return PROGRAMS.get(program).get(PATIENCE_MINUTES, TimeUnit.MINUTES);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Toolchain.RegistryUnreachable) {
        throw new TestAbortedException(e.getCause().getMessage(), e);
      }
      throw e;
    }
  }

  @TestFactory
  Stream<DynamicTest> programsOfTheDocument() {
    return PROGRAMS.keySet().stream()
        .map(
            program ->
                DynamicTest.dynamicTest(
                    program.title(),
                    () -> {
                      var missing = program.toolchain().missing();
                      assumeTrue(missing.isEmpty(), () -> missing.get());
                      List<String> output = output(program);
                      assertTrue(output.contains(program.expectedLine()), output::toString);
                    }));
  }
}
