package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Goal: no power loss or kill, at any call to the disk, loses an acknowledged entry, brings up one
 * that was never appended, or makes a healthy log be refused. Method: {@link CrashExplorer} under
 * many seeds. Repeat a failure with {@code -Dseed=}; {@code -Dseeds=} runs more.
 */
class RandomLogTest {

  private static final int LEAST_PAIRS = 20_000;
  private static final int OPERATIONS = 80;
  private static final long FIRST_SEED = Long.getLong("seed", 4711);
  private static final int SEEDS =
      Integer.getInteger("seeds", Long.getLong("seed") == null ? 9 : 1);

  @Test
  void survivesACrashAtAnyCall() throws Exception {
    Set<Long> pairs = new HashSet<>();
    for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      pairs.addAll(
          new CrashExplorer(seed, SegmentedLogOptions.Sync.FSYNC, new CrashFs()).run(OPERATIONS));
    }

    System.out.printf(
        "RandomLogTest: %d distinct pairs of operation and crash image, seeds %d to %d%n",
        pairs.size(), FIRST_SEED, FIRST_SEED + SEEDS - 1);
    assertTrue(SEEDS == 1 || pairs.size() >= LEAST_PAIRS, "only " + pairs.size() + " pairs");
  }

  @Test
  void keepsWhatWasForcedIfTheSystemForces() throws Exception {
    for (long seed = FIRST_SEED; seed < FIRST_SEED + Math.max(1, SEEDS / 4); seed++) {
      new CrashExplorer(seed, SegmentedLogOptions.Sync.OS, new CrashFs()).run(OPERATIONS);
    }
  }

  @Test
  void noticesADiskThatDoesNotForceFiles() {
    var lying = new CrashFs().withoutFileForce();

    assertThrows(
        AssertionError.class,
        () -> new CrashExplorer(FIRST_SEED, SegmentedLogOptions.Sync.FSYNC, lying).run(OPERATIONS));
  }

  @Test
  void noticesADiskThatDoesNotForceFolders() {
    var lying = new CrashFs().withoutFolderForce();

    assertThrows(
        AssertionError.class,
        () -> new CrashExplorer(FIRST_SEED, SegmentedLogOptions.Sync.FSYNC, lying).run(OPERATIONS));
  }
}
