package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.chaos.UpgradePlan.Side;
import io.keelmq.chaos.UpgradeVerdict.Size;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Every fault that is planted is found, and nothing else. */
class UpgradeVerdictTest {

  private static final String CLEAR_LINE =
      "this group runs at feature level 2, this version (0.1.0) supports 1";

  @Test
  void findsNothingInASoundUpgrade() {
    var verdict = sound();

    assertEquals(List.of(), verdict.problems());
    assertEquals(CLEAR_LINE, verdict.refusal());
  }

  @Test
  void findsEachPlantedFault() {
    Map<String, Consumer<UpgradeVerdict>> faults = new LinkedHashMap<>();
    faults.put("n1 is at feature level 2", v -> v.levelBeforeRise("n1", 2));
    faults.put(
        "a new leader of the mixed group: TAKEN", v -> v.sizeWhileMixed(Side.NEW, Size.TAKEN));
    faults.put(
        "an old leader: TAKEN, and its release has it not",
        v -> v.sizeWhileMixed(Side.OLD, Size.TAKEN));
    faults.put("reached feature level 1, expected 2", v -> v.reached(1, 2));
    faults.put("retention by size at feature level 2: REFUSED", v -> v.sizeAfterRise(Size.REFUSED));
    faults.put("and did not end", v -> v.oldOneEnded(""));
    faults.put("without one of", v -> v.oldOneEnded("NullPointerException"));
    faults.put("index 1024: replica n3 has b", v -> v.digest("n3", 1_024, "b"));
    faults.put("rows behind entry 900: replica n3 has s", v -> v.sum("n3", 900, "s"));
    faults.put("n2 ended by itself", v -> v.flaw("n2 ended by itself"));

    faults.forEach(
        (expected, fault) -> {
          var verdict = sound();
          fault.accept(verdict);
          var problems = verdict.problems();
          assertEquals(1, problems.size(), () -> expected + ": " + problems);
          assertTrue(problems.get(0).contains(expected), () -> expected + ": " + problems);
        });
  }

  @Test
  void anOldReleaseThatKnowsLevelsUsesWhatTheyHave() {
    Map<String, Consumer<UpgradeVerdict>> faults = new LinkedHashMap<>();
    faults.put("n1 is at feature level 3", v -> v.levelBeforeRise("n1", 3));
    faults.put(
        "a new leader of the mixed group: REFUSED, expected TAKEN",
        v -> v.sizeWhileMixed(Side.NEW, Size.REFUSED));
    faults.put(
        "an old leader: OVERLOOKED, and its release has it",
        v -> v.sizeWhileMixed(Side.OLD, Size.OVERLOOKED));
    faults.put("reached feature level 2, expected 2", v -> v.reached(2, 2));

    assertEquals(List.of(), soundFromLevelTwo().problems());
    faults.forEach(
        (expected, fault) -> {
          var verdict = soundFromLevelTwo();
          fault.accept(verdict);
          var problems = verdict.problems();
          assertEquals(1, problems.size(), () -> expected + ": " + problems);
          assertTrue(problems.get(0).contains(expected), () -> expected + ": " + problems);
        });
  }

  private static UpgradeVerdict soundFromLevelTwo() {
    var verdict = sound();
    verdict.supportedByOld(2);
    verdict.levelBeforeRise("n1", 2);
    verdict.sizeWhileMixed(Side.NEW, Size.TAKEN);
    verdict.sizeWhileMixed(Side.OLD, Size.TAKEN);
    verdict.reached(3, 3);
    return verdict;
  }

  @Test
  void findsWhatWasNotShown() {
    var problems = String.join("\n", new UpgradeVerdict(3).problems());

    for (String lacking :
        new String[] {
          "no OLD broker led",
          "no NEW broker led",
          "no OLD replica came",
          "no NEW replica came",
          "no leader of the mixed group was killed",
          "no broker went back",
          "new leader of the mixed group: null",
          "reached feature level 0",
          "did not end",
          "no log index for which all 3 replicas gave a digest"
        }) {
      assertTrue(problems.contains(lacking), () -> lacking + ": " + problems);
    }
  }

  private static UpgradeVerdict sound() {
    var verdict = new UpgradeVerdict(3);
    verdict.supportedByOld(0);
    for (Side side : Side.values()) {
      verdict.ledWhileMixed(side);
      verdict.cameBySnapshot(side);
      verdict.levelBeforeRise("n1", 1);
    }
    // A version from before levels tells none.
    verdict.levelBeforeRise("n2", 0);
    verdict.leaderKilledWhileMixed();
    verdict.wentBack();
    verdict.sizeWhileMixed(Side.NEW, Size.REFUSED);
    verdict.sizeWhileMixed(Side.OLD, Size.OVERLOOKED);
    verdict.reached(2, 2);
    verdict.sizeAfterRise(Size.TAKEN);
    verdict.oldOneEnded("n1 ended with exit code 1\n  " + CLEAR_LINE);
    for (String node : new String[] {"n1", "n2", "n3"}) {
      verdict.digest(node, 1_024, "a");
    }
    verdict.sum("n1", 900, "r");
    return verdict;
  }
}
