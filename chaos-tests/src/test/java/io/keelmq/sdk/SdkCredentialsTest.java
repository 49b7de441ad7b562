package io.keelmq.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.ScratchCluster;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Goal: with users configured, who does not sign with a secret of theirs stores nothing. Method:
 * one program for each language sends without credentials, with a wrong secret, as an unknown user
 * and with the right secret, against brokers that know one user.
 */
@Tag("chaos")
class SdkCredentialsTest {

  private static final Duration RUN_WITHIN = Duration.ofMinutes(3);
  private static final List<String> REFUSED = List.of("none", "wrong-secret", "unknown-user");

  @TempDir private static Path folder;
  private static ScratchCluster scratch;

  @BeforeAll
  static void start() throws Exception {
    Path users = Files.writeString(folder.resolve("users"), "alice=wonderland\n");
    scratch =
        ScratchCluster.create(
            options -> options.withBrokerSettings(Map.of("users.file", users.toString())));
    scratch.cluster().start(LocalCluster.START_DEADLINE);
  }

  @AfterAll
  static void stop() {
    scratch.close();
  }

  @ParameterizedTest
  @EnumSource(Toolchain.class)
  void onlyTheRightSecretSends(Toolchain toolchain) throws Exception {
    toolchain.missing().ifPresent(why -> assumeTrue(false, why));
    List<String> command;
    try {
      toolchain.prepare();
      command = toolchain.program("credentials", "5.2.0");
    } catch (Toolchain.RegistryUnreachable e) {
      assumeTrue(false, e.getMessage());
      return;
    }
    String name = toolchain.lowerCase();
    LocalCluster cluster = scratch.cluster();
    try (var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic(name + "-secrets", 1);

      List<String> lines =
          toolchain.run(
              name + "-credentials",
              RUN_WITHIN,
              command,
              toolchain.accessPoint(cluster.brokers()),
              name,
              "alice",
              "wonderland");

      for (String refused : REFUSED) {
        assertTrue(
            lines.stream().anyMatch(line -> line.startsWith(refused + " REFUSED")),
            lines::toString);
      }
      assertTrue(lines.contains("right SENT"), lines::toString);
      int stored = 0;
      try (var reader = client.reader(name + "-secrets").follow(false).open()) {
        for (var message : reader) {
          assertEquals("secret", message.bodyText());
          stored++;
        }
      }
      assertEquals(1, stored, "what the right secret sent and nothing else");
    }
  }
}
