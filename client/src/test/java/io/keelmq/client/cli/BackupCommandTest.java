package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackupCommandTest {
  private final CommandLineRun keelmq = new CommandLineRun();

  @TempDir Path temp;

  @Test
  void createsOfAReplicaThatDoesNotLead() throws IOException {
    keelmq.cluster.brokerGroups.secondAnswers = true;
    Path folder = temp.resolve("b");

    int exitCode = keelmq.run("backup", "create", folder.toString(), "-o", "json");

    assertEquals(0, exitCode, () -> keelmq.errLines().toString());
    assertTrue(keelmq.out().contains("\"cluster_id\":\"c1\",\"broker_group\":\"g0\""), keelmq::out);
    assertTrue(Files.exists(folder.resolve("manifest")));
  }

  @Test
  void createsOfTheLeaderWhereNobodyElseAnswers() {
    assertEquals(0, keelmq.run("backup", "create", temp.resolve("b").toString()));
  }

  @Test
  void createNeedsAReplicaThatIsReady() {
    int exitCode = keelmq.run("backup", "create", temp.resolve("b").toString(), "--node", "n2");

    assertEquals(4, exitCode);
    assertTrue(keelmq.errLines().get(0).contains("no replica n2 of the group is ready"));
  }

  @Test
  void verifyFindsAFlippedBit() throws IOException {
    Path folder = temp.resolve("b");
    keelmq.run("backup", "create", folder.toString());

    assertEquals(0, keelmq.run("backup", "verify", folder.toString()));
    assertTrue(keelmq.out().endsWith("sound\n"), keelmq::out);

    byte[] about = Files.readAllBytes(folder.resolve("about"));
    about[0] ^= 1;
    Files.write(folder.resolve("about"), about);
    assertEquals(1, keelmq.run("backup", "verify", folder.toString(), "-o", "json"));
    assertTrue(
        keelmq.out().contains("\"sound\":false,\"flaws\":[\"about: its checksum"), keelmq::out);
  }

  @Test
  void verifyRefusesWhatIsNoBackup() {
    assertEquals(1, keelmq.run("backup", "verify", temp.toString()));
    assertTrue(keelmq.errLines().get(0).contains("has no file manifest"));
  }

  @Test
  void restoreTellsThatItNeedsADistribution() {
    // The brokers' library is not on this class path.
    int exitCode =
        keelmq.run("backup", "restore", "b", "--to", "r", "--member", "n1=h:10911,h:8081");

    assertEquals(5, exitCode);
    assertTrue(keelmq.errLines().get(0).contains("run bin/keelmq of a distribution"));
  }
}
