package io.keelmq.chaos.kills;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.store.RocksTables;
import io.keelmq.chaos.kills.ReplicaScript.Part;
import io.keelmq.chaos.kills.Rounds.Kill;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: wherever a process dies, what it leaves keeps every promise. Method: a child JVM for each
 * failpoint, which says in its last line that it dies there, at its first hit. The log's and the
 * rows' are all killed; of a replica's, which take longer, some that the seed draws. {@code
 * FailpointRounds} does them all. Repeat with {@code -Dseed=}.
 */
class KillTest {

  private static final int AT_A_TIME = 2;
  private static final int REPLICAS = 4;
  private static final Seed SEED = Seed.givenOrFresh(Optional.ofNullable(Long.getLong("seed")));

  @TempDir Path folder;

  private List<Outcome> kill(Rig rig, List<Failpoint> failpoints) throws IOException {
    List<Kill> kills = failpoints.stream().map(each -> new Kill(rig, each, 1)).toList();
    List<Outcome> outcomes = new Rounds(folder, AT_A_TIME).run(kills, outcome -> {});
    assertEquals(
        List.of(), outcomes.stream().filter(outcome -> !outcome.holds()).toList(), SEED::toString);
    return outcomes;
  }

  @Test
  void logKeepsItsPromisesWhereverItDies() throws IOException {
    var rig = new LogRig();

    List<Outcome> outcomes = kill(rig, List.copyOf(rig.failpoints()));

    assertEquals(rig.failpoints().size(), outcomes.size());
  }

  @Test
  void rowsKeepTheirPromisesWhereverTheyDie() throws IOException {
    var rig = new StoreRig();

    List<Outcome> outcomes = kill(rig, List.copyOf(rig.failpoints()));

    assertEquals(rig.failpoints().size(), outcomes.size());
  }

  @Test
  void replicaKeepsItsPromisesWhereItDies() throws IOException {
    var rig = new ReplicaRig();
    var drawn = new ArrayList<>(rig.failpoints());
    Random random = SEED.random();
    Collections.shuffle(drawn, random);

    List<Outcome> outcomes = kill(rig, drawn.subList(0, REPLICAS));

    System.out.println("KillTest: " + SEED + " " + outcomes);
    assertEquals(REPLICAS, outcomes.size());
  }

  @Test
  void noticesAFailpointThatIsNeverHit() throws IOException {
    Outcome outcome = new LogRig().kill(Failpoint.VOTE_FORCED, 1, folder);

    assertFalse(outcome.died());
    assertEquals(List.of(), outcome.problems());
    assertFalse(outcome.holds());
  }

  @Test
  void noticesAnEntryThatIsLostAndOneThatNobodyAppended() throws IOException {
    Outcome outcome = new LogRig().kill(Failpoint.APPEND_BEGUN, 2, folder);
    assertTrue(outcome.holds(), outcome::toString);
    // The judge has appended; what the step left is there once more.
    try (var log = LogScript.open(LogScript.logFolder(folder))) {
      log.truncateSuffix(1);
    }
    var lost = new ArrayList<String>();
    LogRig.judge(folder, lost);
    try (var log = LogScript.open(LogScript.logFolder(folder))) {
      log.truncateSuffix(1);
      log.append(LogBook.batch(2, 1, 77));
    }
    var phantom = new ArrayList<String>();
    LogRig.judge(folder, phantom);

    assertEquals(1, lost.size(), lost::toString);
    assertTrue(lost.get(0).contains("logically 1 to 1, expected 1 to 2"), lost::toString);
    assertEquals(1, phantom.size(), phantom::toString);
    assertTrue(phantom.get(0).contains("entry 2 is 77, expected term 3"), phantom::toString);
  }

  @Test
  void noticesRowsThatAreOlderThanTheirFlush() throws IOException {
    Outcome outcome = new StoreRig().kill(Failpoint.ROWS_FLUSHED, 2, folder);
    assertTrue(outcome.holds(), outcome::toString);
    RocksTables.discard(StoreScript.store(folder));

    var problems = new ArrayList<String>();
    StoreRig.judge(folder, problems);

    assertTrue(problems.toString().contains("are those of commit Optional[0]"), problems::toString);
  }

  @Test
  void noticesAMessageThatIsLost() throws Exception {
    Outcome outcome = new ReplicaRig().kill(Failpoint.IDENTITY_WRITTEN, 1, folder);
    assertTrue(outcome.holds(), outcome::toString);
    // The judge has sent two; three are said to be acknowledged.
    Files.writeString(folder.resolve("acked"), "...");

    var problems = new ArrayList<String>();
    int port = ReplicaScript.port(folder);
    ReplicaRig.judge(Part.SERVE, folder, port, problems);

    assertTrue(problems.toString().contains("3 were acknowledged"), problems::toString);
  }
}
