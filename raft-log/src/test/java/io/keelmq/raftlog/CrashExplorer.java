package io.keelmq.raftlog;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * Runs one random workload, and before and after every call to the disk crashes it in several ways
 * and checks what comes up: allowed by the model, ready for appends, and still there after the next
 * power loss.
 */
final class CrashExplorer {

  static final Path FOLDER = Path.of("/log");
  private static final int IMAGES_PER_CALL = 3;
  private static final int KILLS_EVERY = 5;
  private static final int CRASHES_IN_RECOVERY_EVERY = 16;

  private final long seed;
  private final Random random;
  private final SegmentedLogOptions.Sync sync;
  private final Set<Long> pairs = new HashSet<>();
  private final LogModel model = new LogModel();
  private final LogWorkload workload;
  private CrashFs fs;
  private SegmentedLog log;
  private int calls;

  CrashExplorer(long seed, SegmentedLogOptions.Sync sync, CrashFs fs) {
    this.seed = seed;
    this.random = new Random(seed);
    this.sync = sync;
    this.fs = fs;
    this.workload = new LogWorkload(random, model);
  }

  /** Distinct pairs of (operation and call in it, crash image) that were checked. */
  Set<Long> run(int operations) throws Exception {
    watched("first open", List.of(model.now()), () -> log = open(fs, 0));
    for (int operation = 0; operation < operations; operation++) {
      int choice = random.nextInt(20);
      if (choice == 0) {
        restartAfterClose();
      } else if (choice == 1) {
        restartAfter(fs.unobserved().kill());
      } else if (choice == 2) {
        restartAfter(fs.unobserved().crash(random));
      } else {
        LogWorkload.Step step = workload.next();
        watched(step.name(), weakened(step.during()), () -> step.action().on(log));
        LogChecker.requireOneOf(List.of(model.now()), log);
      }
    }
    log.close();
    return pairs;
  }

  private interface Body {
    void run() throws Exception;
  }

  private void watched(String name, List<LogModel.State> allowed, Body body) throws Exception {
    fs.observedBy(
        call -> {
          calls++;
          for (int i = 0; i < IMAGES_PER_CALL; i++) {
            crash(name + ", " + call, allowed);
          }
        });
    body.run();
    fs.unobserved();
    // Between two operations nothing is in flight: exactly this must survive.
    calls++;
    for (int i = 0; i < IMAGES_PER_CALL; i++) {
      crash("after " + name, weakened(List.of(model.now())));
    }
  }

  /** With OS, a power loss may take what was not forced, but never below {@code durableLast}. */
  private List<LogModel.State> weakened(List<LogModel.State> states) {
    if (sync == SegmentedLogOptions.Sync.FSYNC) {
      return states;
    }
    return states.stream()
        .map(
            s ->
                new LogModel.State(
                    s.logicalFirst(),
                    Math.max(s.logicalFirst() - 1, Math.min(s.leastLast(), log.durableLast())),
                    s.mostLast(),
                    s.entries()))
        .toList();
  }

  private void crash(String where, List<LogModel.State> allowed) {
    boolean killed = random.nextInt(KILLS_EVERY) == 0;
    CrashFs image = killed ? fs.kill() : fs.crash(random);
    if (!pairs.add((seed * 31 + calls) * 1_000_003 + image.fingerprint() * 2 + (killed ? 1 : 0))) {
      return;
    }
    try {
      if (random.nextInt(CRASHES_IN_RECOVERY_EVERY) == 0) {
        image.observedBy(call -> check(image.crash(random), allowed));
      }
      check(image, allowed);
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("seed %d, call %d, %s".formatted(seed, calls, where), e);
    }
  }

  private void check(CrashFs image, List<LogModel.State> allowed) {
    long floor = allowed.stream().mapToLong(LogModel.State::leastLast).min().orElseThrow();
    var recovered = open(image, random.nextBoolean() ? Math.max(0, floor) : 0);
    image.unobserved();
    LogModel.State found = LogChecker.requireOneOf(allowed, recovered);
    var after = new LogModel();
    after.becomeLike(recovered, found);
    var next = TestLogs.record(recovered.last() + 1, 1_000);
    recovered.append(List.of(next));
    after.append(List.of(next));
    if (sync == SegmentedLogOptions.Sync.FSYNC) {
      // What was recovered counts as durable, so the next power loss must not take it.
      LogChecker.requireOneOf(List.of(after.now()), open(image.crashLosingAll(random), 0));
    }
  }

  private void restartAfterClose() throws Exception {
    watched("close", weakened(List.of(model.now())), log::close);
    watched("reopen", List.of(model.now()), () -> log = open(fs, model.last()));
    LogChecker.requireOneOf(List.of(model.now()), log);
  }

  private void restartAfter(CrashFs image) throws Exception {
    var allowed = weakened(List.of(model.now()));
    fs = image;
    watched("reopen after a crash", allowed, () -> log = open(fs, 0));
    model.becomeLike(log, LogChecker.requireOneOf(allowed, log));
  }

  private SegmentedLog open(CrashFs disk, long floor) {
    return SegmentedLog.open(
        SegmentedLogOptions.in(FOLDER)
            .withSegmentBytes(SegmentedLogOptions.LEAST_SEGMENT_BYTES)
            .withSync(sync)
            .withDurableAppliedFloor(floor)
            .withCorruptionListener(new ArrayList<CorruptLogException>()::add)
            .withNanos(() -> 0)
            .withMarks(random::nextLong),
        disk);
  }
}
