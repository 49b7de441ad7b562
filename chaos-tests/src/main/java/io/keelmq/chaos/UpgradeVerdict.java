package io.keelmq.chaos;

import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.chaos.UpgradePlan.Side;
import io.keelmq.chaos.checks.DigestsAgree;
import io.keelmq.chaos.checks.Findings;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What an upgrade must have shown, beside what its clients were promised: told step by step, judged
 * in the end. Owned by one thread.
 */
final class UpgradeVerdict {

  /** By one of these a release says that a group is newer than it is. */
  private static final List<String> CLEAR =
      List.of(
          "this group runs at feature level",
          "start the version that wrote it",
          "was written by a newer version");

  /** What became of the wish for a topic whose queues keep so many bytes. */
  enum Size {
    REFUSED,
    TAKEN,
    /** By a release that does not know the wish: the topic is there and keeps everything. */
    OVERLOOKED
  }

  private final DigestsAgree digests;
  private final List<String> flaws = new ArrayList<>();
  private final Set<Side> ledWhileMixed = EnumSet.noneOf(Side.class);
  private final Set<Side> cameBySnapshot = EnumSet.noneOf(Side.class);
  private final Map<Side, Size> sizeWhileMixed = new EnumMap<>(Side.class);
  private int leadersKilledWhileMixed;
  private int wentBack;
  private int oldest = LevelRange.FIRST;
  private int reached;
  private int newest;
  private Size sizeAfterRise = Size.REFUSED;
  private String oldOneSaid = "";
  private String refusal = "";

  UpgradeVerdict(int replicas) {
    digests = new DigestsAgree(replicas);
  }

  /** The highest level that the old release knows; 0: it is from before there were levels. */
  void supportedByOld(int level) {
    oldest = Math.max(LevelRange.FIRST, level);
  }

  /** While brokers of both releases are there, or only old ones. */
  void levelBeforeRise(String node, int level) {
    if (level > oldest) {
      flaws.add(
          "%s is at feature level %d while a broker of the old release is there, expected %d"
              .formatted(node, level, oldest));
    }
  }

  void ledWhileMixed(Side side) {
    ledWhileMixed.add(side);
  }

  void leaderKilledWhileMixed() {
    leadersKilledWhileMixed++;
  }

  /** A replica of this side got the snapshot of a leader of the other one. */
  void cameBySnapshot(Side receiver) {
    cameBySnapshot.add(receiver);
  }

  void sizeWhileMixed(Side leader, Size what) {
    sizeWhileMixed.put(leader, what);
  }

  /** A broker went back to the old release, voted there and caught up. */
  void wentBack() {
    wentBack++;
  }

  /**
   * @param level of the group, with all brokers of the new release
   * @param newestLevel that this release knows
   */
  void reached(int level, int newestLevel) {
    reached = level;
    newest = newestLevel;
  }

  void sizeAfterRise(Size what) {
    sizeAfterRise = what;
  }

  /**
   * How a broker of the old release ended that was started on a folder of the raised group.
   *
   * @param said its last lines; empty: it did not end
   */
  void oldOneEnded(String said) {
    oldOneSaid = said;
    refusal =
        said.lines()
            .filter(line -> CLEAR.stream().anyMatch(line::contains))
            .map(String::strip)
            .findFirst()
            .orElse("");
  }

  /** The line by which it said why; empty if there was none. */
  String refusal() {
    return refusal;
  }

  Map<Side, Size> sizesWhileMixed() {
    return new EnumMap<>(sizeWhileMixed);
  }

  void digest(String node, long index, String digest) {
    digests.digest(node, index, digest);
  }

  void sum(String node, long index, String sum) {
    digests.sum(node, index, sum);
  }

  /** A node that is not as it should be after a step. */
  void flaw(String what) {
    flaws.add(what);
  }

  /** What was not as promised, or not shown; empty if all was. */
  List<String> problems() {
    var problems = new ArrayList<>(flaws);
    for (Side side : Side.values()) {
      require(
          ledWhileMixed.contains(side),
          problems,
          "no %s broker led the mixed group".formatted(side));
      require(
          cameBySnapshot.contains(side),
          problems,
          "no %s replica came by the snapshot of a leader of the other release".formatted(side));
    }
    require(leadersKilledWhileMixed > 0, problems, "no leader of the mixed group was killed");
    require(wentBack > 0, problems, "no broker went back to the old release");
    sizesWhileMixed(problems);
    require(
        newest > oldest && reached == newest,
        problems,
        "the group reached feature level %d, expected %d".formatted(reached, newest));
    require(
        sizeAfterRise == Size.TAKEN,
        problems,
        "retention by size at feature level %d: %s, expected TAKEN"
            .formatted(reached, sizeAfterRise));
    require(
        !oldOneSaid.isEmpty(),
        problems,
        "a broker of the old release was started on the folder of the raised group, and did not"
            + " end");
    require(
        oldOneSaid.isEmpty() || !refusal.isEmpty(),
        problems,
        "a broker of the old release ended on the folder of the raised group without one of %s: %s"
            .formatted(CLEAR, oldOneSaid));
    var found = new Findings();
    digests.end(found);
    found.examples().forEach(example -> problems.add(digests.promise() + ": " + example));
    return problems;
  }

  /** A level has what it has in a mixed group too, and nothing of a higher one. */
  private void sizesWhileMixed(List<String> problems) {
    boolean known = oldest >= Feature.RETENTION_BY_SIZE.level();
    Size expected = known ? Size.TAKEN : Size.REFUSED;
    require(
        sizeWhileMixed.get(Side.NEW) == expected,
        problems,
        "retention by size at a new leader of the mixed group: %s, expected %s"
            .formatted(sizeWhileMixed.get(Side.NEW), expected));
    require(
        (sizeWhileMixed.get(Side.OLD) == Size.TAKEN) == known,
        problems,
        "retention by size at an old leader: %s, and its release %s"
            .formatted(sizeWhileMixed.get(Side.OLD), known ? "has it" : "has it not"));
  }

  private static void require(boolean holds, List<String> problems, String what) {
    if (!holds) {
      problems.add(what);
    }
  }
}
