package io.keelmq.local;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands as a user types them, over the fake programs. */
class ClusterCommandTest {

  @TempDir Path temp;
  private Path dir;
  private String homeBefore;

  /** What a command printed and how it ended. */
  private record Ended(int exitCode, String out, String err) {}

  @BeforeEach
  void build() throws IOException {
    dir = temp.resolve("cluster");
    homeBefore = System.getProperty("keelmq.home");
    System.setProperty("keelmq.home", FakeDistribution.in(temp.resolve("home")).home().toString());
  }

  @AfterEach
  void endProcesses() {
    if (homeBefore == null) {
      System.clearProperty("keelmq.home");
    } else {
      System.setProperty("keelmq.home", homeBefore);
    }
    if (ClusterFile.exists(dir)) {
      cluster("stop", "--timeout", "1");
    }
  }

  @Test
  void startsTellsStatusKillsTheLeaderRestartsItAndStops() {
    Ended started = cluster("start", "--ports", "free", "--set", "auto=true");
    Ended again = cluster("start");
    Ended killed = cluster("kill", "leader", "-o", "json");
    Ended without = cluster("status");
    Ended restarted = cluster("restart", "n1");
    Ended status = cluster("status", "-o", "json");
    Ended log = cluster("logs", "n2", "-n", "1");
    Ended stopped = cluster("stop", "--delete");

    assertEquals(0, started.exitCode, started.err);
    assertTrue(started.out.contains("leader       n1   ready"), started.out);
    assertTrue(started.out.contains("scripts/cluster kill leader"), started.out);
    assertEquals(0, again.exitCode, again.err);
    assertTrue(killed.out.startsWith("{\"id\":\"n1\",\"done\":\"killed\""), killed.out);
    assertEquals(4, without.exitCode);
    assertTrue(without.out.contains("dead"), without.out);
    assertEquals(0, restarted.exitCode, restarted.err);
    assertEquals(0, status.exitCode);
    assertTrue(status.out.contains("\"id\":\"n1\",\"role\":\"LEADER\",\"state\":\"READY\""));
    assertTrue(log.out.startsWith("starting {"), log.out);
    assertEquals(0, stopped.exitCode, stopped.err);
    assertFalse(Files.exists(dir));
  }

  @Test
  void refusesOtherOptionsForACluster() {
    cluster("start", "--ports", "free", "--set", "auto=true", "--brokers", "1");

    Ended other = cluster("start", "--brokers", "5");

    assertEquals(5, other.exitCode);
    assertTrue(other.err.contains("--brokers 5 wanted, 1 found"), other.err);
  }

  @Test
  void exitCodesTellWhatWentWrong() {
    assertEquals(3, cluster("status").exitCode, "no cluster");
    assertEquals(2, cluster("start", "--brokers", "4").exitCode, "no such size");
    assertEquals(2, cluster("start", "--ports", "free", "--port-offset", "7").exitCode, "both");
    assertEquals(2, cluster("halt").exitCode, "no such command");
    assertEquals(2, cluster("kill").exitCode, "no node");

    System.setProperty("keelmq.home", temp.resolve("nothing").toString());
    Ended notBuilt = cluster("start");
    assertEquals(5, notBuilt.exitCode);
    assertTrue(notBuilt.err.contains("mvn -DskipTests package"), notBuilt.err);
  }

  private Ended cluster(String... args) {
    var line = new ArrayList<>(List.of(args));
    line.add("--dir");
    line.add(dir.toString());
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    PrintStream outBefore = System.out;
    PrintStream errBefore = System.err;
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    try {
      int exitCode = LocalProgram.run(new ClusterCommand(), line.toArray(String[]::new));
      return new Ended(
          exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(outBefore);
      System.setErr(errBefore);
    }
  }
}
