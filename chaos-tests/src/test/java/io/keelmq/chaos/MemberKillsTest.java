package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.KeelClient;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a group of five loses nothing when two replicas die at once, nor when its leader dies while
 * a replica is put in the place of another one. Method: one round of {@link MemberKills}; more of
 * them by its main.
 */
class MemberKillsTest {

  @Test
  @Tag("chaos")
  @Tag("long")
  void losesNothingOfFiveReplicasWhenTwoDieAndOneIsReplaced() {
    var seed = ChaosPlan.givenOrNewSeed();
    Path dir =
        Path.of(
                System.getProperty("chaos.dir", "target/chaos"),
                "member-kills-" + Long.toString(System.currentTimeMillis(), 36))
            .toAbsolutePath();
    var plan = new ChaosPlan("member-kills", seed, MemberKills.workload(), 300, 2);

    ChaosResult result =
        new ChaosRun(MemberKills.cluster(dir, seed).withBrokers(5), plan)
            .run(
                faults -> {
                  MemberKills.killTwo(faults);
                  try (var client = KeelClient.connect(faults.cluster().endpoints())) {
                    var outcome =
                        new MemberRound(faults, client.admin())
                            .run(MemberChange.Kind.REPLACE, MemberRound.Victim.LEADER);
                    assertEquals("", outcome.flaw());
                  }
                });

    System.out.println(result.text());
    assertTrue(result.holds(), result::text);
    assertEquals(5, result.counts().replicas());
  }

  @Test
  void knowsWhichMembersAChangeMayLeaveBehind() {
    Set<String> before = Set.of("a", "b", "c");
    Set<String> after = Set.of("a", "b", "d");

    assertTrue(MemberRound.mayBeLeftBehind(before, after, before));
    assertTrue(MemberRound.mayBeLeftBehind(before, after, after));
    assertTrue(MemberRound.mayBeLeftBehind(before, after, Set.of("a", "b", "c", "d")));
    assertFalse(MemberRound.mayBeLeftBehind(before, after, Set.of("a", "b")));
    assertFalse(MemberRound.mayBeLeftBehind(before, after, Set.of("a", "c", "d")));
    assertFalse(MemberRound.mayBeLeftBehind(before, after, Set.of("a", "b", "c", "x")));
  }
}
