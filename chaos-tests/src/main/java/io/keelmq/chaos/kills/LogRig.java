package io.keelmq.chaos.kills;

import static java.util.Map.entry;

import io.keelmq.failpoint.Failpoint;
import io.keelmq.raftlog.LogRecord;
import io.keelmq.raftlog.SegmentedLog;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;

/**
 * Kills a child that does one of everything to a log. What is left must be the log before the step
 * that was cut short, the one after it, or a list of entries between the two; and it must take the
 * next entry and keep it.
 */
public final class LogRig implements Rig {

  /** What only a log is asked that an earlier child left by dying at another place. */
  private static final Map<Failpoint, Failpoint> AFTER =
      Map.ofEntries(
          entry(Failpoint.RECOVERY_LEFTOVERS_GONE, Failpoint.SEAL_FORCED),
          entry(Failpoint.RECOVERY_TAIL_CUT, Failpoint.APPEND_PARTLY_WRITTEN),
          entry(Failpoint.RECOVERY_REWRITTEN, Failpoint.APPEND_WRITTEN),
          entry(Failpoint.RECOVERY_FORCED, Failpoint.APPEND_WRITTEN),
          entry(Failpoint.RECOVERY_GIVEN_UP_GONE, Failpoint.ADOPT_FILES_IN));

  private static final Set<Class<?>> CLASS_PATH =
      Set.of(LogScript.class, SegmentedLog.class, Failpoint.class, Logger.class);

  @Override
  public String name() {
    return "log";
  }

  @Override
  public Set<Failpoint> failpoints() {
    var reached = EnumSet.range(Failpoint.APPEND_BEGUN, Failpoint.CLOSE_FORCED);
    // Rows decide it, and there are none here.
    reached.remove(Failpoint.TRIM_DECIDED);
    return reached;
  }

  @Override
  public Outcome kill(Failpoint failpoint, long hit, Path folder) throws IOException {
    long began = System.nanoTime();
    LogScript.makeSnapshot(folder);
    var problems = new ArrayList<String>();
    Failpoint before = AFTER.get(failpoint);
    if (before != null) {
      DyingChild earlier = run(folder, before, 1);
      if (!earlier.diedAt(before, 1)) {
        problems.add("not left by " + before + ": " + earlier.lastWords());
      }
    }
    DyingChild child =
        before == null ? run(folder, failpoint, hit) : run(folder, failpoint, hit, "open");
    boolean died = child.diedAt(failpoint, hit);
    if (!died && !child.finished()) {
      problems.add(child.lastWords());
    }
    judge(folder, problems);
    return new Outcome(
        name(), failpoint, hit, died, problems, (System.nanoTime() - began) / 1_000_000);
  }

  private static DyingChild run(Path folder, Failpoint failpoint, long hit, String... more)
      throws IOException {
    var arguments = new ArrayList<String>(List.of(folder.toString()));
    arguments.addAll(List.of(more));
    return DyingChild.run(
        LogScript.class,
        failpoint + ":" + hit,
        CLASS_PATH,
        folder.resolve("output"),
        arguments.toArray(String[]::new));
  }

  /** Opens what is left, three times. */
  static void judge(Path folder, List<String> problems) throws IOException {
    List<LogScript.Step> steps = LogScript.steps();
    int done = LogScript.stepsDone(folder);
    var before = new LogBook();
    steps.subList(0, done).forEach(step -> step.expected().accept(before));
    LogBook after = before.copy();
    if (done < steps.size()) {
      steps.get(done).expected().accept(after);
    }
    String where = done < steps.size() ? steps.get(done).name() : "the end";
    Optional<LogBook> found;
    try (SegmentedLog log = LogScript.open(LogScript.logFolder(folder))) {
      found = find(log, before, after, folder);
      if (found.isEmpty()) {
        problems.add(
            "in step %d, %s: neither the log before (%s) nor the one after (%s)"
                .formatted(done, where, before.differenceTo(log), after.differenceTo(log)));
        return;
      }
    } catch (RuntimeException e) {
      problems.add("in step %d, %s: %s".formatted(done, where, e));
      return;
    }
    keepsWhatFollows(folder, found.get(), problems);
  }

  /** Which of the states that are allowed the log is in. */
  private static Optional<LogBook> find(
      SegmentedLog log, LogBook before, LogBook after, Path folder) throws IOException {
    if (log.awaitsAdoption()) {
      log.adopt(LogScript.snapshotFolder(folder), LogScript.SNAPSHOT_LAST);
      return Optional.of(after).filter(book -> book.differenceTo(log).isEmpty());
    }
    return before.upTo(after).stream().filter(book -> book.differenceTo(log).isEmpty()).findFirst();
  }

  private static void keepsWhatFollows(Path folder, LogBook book, List<String> problems) {
    long term = 99;
    try (SegmentedLog log = LogScript.open(LogScript.logFolder(folder))) {
      List<LogRecord> next = LogBook.batch(log.last() + 1, 6, term);
      log.append(next);
      book.append(next.size(), term);
    }
    try (SegmentedLog log = LogScript.open(LogScript.logFolder(folder))) {
      book.differenceTo(log).ifPresent(how -> problems.add("with what was appended: " + how));
    }
  }
}
