package io.keelmq.chaos.kills;

import io.keelmq.raftlog.RealDisk;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Consumer;

/**
 * One of everything that is done to a log, step by step. As a program it notes each step that has
 * returned, and may die in any. Arguments: a folder, and {@code open} if it is only to open the log
 * that an earlier one left.
 */
final class LogScript {

  /** The last entry of the snapshot that is adopted: in the middle of a segment. */
  static final long SNAPSHOT_LAST = 17;

  private static final long SNAPSHOT_TERM = 9;
  private static final long TERM = 3;

  /** Does a step to the log. */
  @FunctionalInterface
  interface Action {
    void on(LogScript script) throws IOException;
  }

  /**
   * A step.
   *
   * @param expected does the same to the plain list
   */
  record Step(String name, Action action, Consumer<LogBook> expected) {}

  private final Path folder;
  private SegmentedLog log;

  private LogScript(Path folder) {
    this.folder = folder;
  }

  static Path logFolder(Path folder) {
    return folder.resolve("log");
  }

  static Path snapshotFolder(Path folder) {
    return folder.resolve("snapshot");
  }

  private static Path notes(Path folder) {
    return folder.resolve("steps");
  }

  static SegmentedLog open(Path logFolder) {
    return SegmentedLog.open(
        SegmentedLogOptions.in(logFolder).withSegmentBytes(SegmentedLogOptions.LEAST_SEGMENT_BYTES),
        new RealDisk());
  }

  /** Makes the snapshot that the script adopts, of another log. */
  static void makeSnapshot(Path folder) throws IOException {
    try (var donor = open(folder.resolve("donor"))) {
      donor.append(LogBook.batch(1, 20, SNAPSHOT_TERM));
      donor.linkUpTo(SNAPSHOT_LAST, snapshotFolder(folder));
    }
  }

  /** How many steps had returned. */
  static int stepsDone(Path folder) throws IOException {
    return Files.exists(notes(folder)) ? (int) Files.size(notes(folder)) : 0;
  }

  static List<Step> steps() {
    return List.of(
        append(2, TERM),
        append(11, TERM),
        append(3, TERM),
        cut(1),
        append(2, TERM + 1),
        cut(9),
        append(12, TERM + 2),
        new Step(
            "link",
            script -> script.log.linkUpTo(script.log.last() - 2, script.folder.resolve("linked")),
            book -> {}),
        new Step("prefix", script -> script.log.truncatePrefix(10), book -> book.moveFirst(10)),
        new Step("retain", script -> script.log.retain(9), book -> {}),
        new Step("reopen", LogScript::reopen, book -> {}),
        cut(2),
        append(5, TERM + 3),
        new Step(
            "adopt",
            script -> script.log.adopt(snapshotFolder(script.folder), SNAPSHOT_LAST),
            book -> book.adopt(SNAPSHOT_LAST, SNAPSHOT_TERM)),
        append(9, SNAPSHOT_TERM),
        new Step("reset", script -> script.log.reset(60), book -> book.emptyAt(60)),
        append(9, SNAPSHOT_TERM + 1),
        new Step("wipe", script -> script.log.truncatePrefix(80), book -> book.emptyAt(80)),
        append(9, SNAPSHOT_TERM + 1),
        new Step("close", script -> script.log.close(), book -> {}));
  }

  private static Step append(int count, long term) {
    return new Step(
        "append " + count,
        script -> script.log.append(LogBook.batch(script.log.last() + 1, count, term)),
        book -> book.append(count, term));
  }

  private static Step cut(int count) {
    return new Step(
        "cut " + count,
        script -> script.log.truncateSuffix(script.log.last() - count),
        book -> book.cutAfter(book.last() - count));
  }

  private void reopen() {
    log.close();
    log = open(logFolder(folder));
  }

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    var script = new LogScript(folder);
    script.log = open(logFolder(folder));
    if (arguments.length > 1) {
      script.log.close();
      return;
    }
    for (Step step : steps()) {
      step.action().on(script);
      Files.write(
          notes(folder), new byte[] {'.'}, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }
}
