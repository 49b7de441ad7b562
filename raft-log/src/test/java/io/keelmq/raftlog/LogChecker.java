package io.keelmq.raftlog;

import java.util.List;
import java.util.Optional;

/** Compares a log with what it may be. */
final class LogChecker {

  private LogChecker() {}

  /**
   * Reads the whole log, logically and physically.
   *
   * @return the state that it is in
   * @throws AssertionError if it is in none of them
   */
  static LogModel.State requireOneOf(List<LogModel.State> allowed, SegmentedLog log) {
    var problems = new StringBuilder();
    for (LogModel.State state : allowed) {
      Optional<String> problem = difference(state, log);
      if (problem.isEmpty()) {
        return state;
      }
      problems.append("\n  not ").append(problem.get());
    }
    throw new AssertionError("the log is in none of the allowed states:" + problems);
  }

  private static Optional<String> difference(LogModel.State state, SegmentedLog log) {
    if (log.logicalFirst() != state.logicalFirst()) {
      return different("logical first index", state.logicalFirst(), log.logicalFirst());
    }
    if (log.last() < state.leastLast() || log.last() > state.mostLast()) {
      return different("last", state.leastLast() + " to " + state.mostLast(), log.last());
    }
    if (log.physicalFirst() > log.logicalFirst()) {
      return different("physical first index", "<= " + log.logicalFirst(), log.physicalFirst());
    }
    for (long i = log.physicalFirst(); i <= log.last(); i++) {
      var expected = state.entries().get(i);
      var found = log.reader().read(i);
      if (expected == null || found.isEmpty() || !TestLogs.same(expected, found.get())) {
        return different("entry " + i, String.valueOf(expected), String.valueOf(found));
      }
      if (log.term(i).orElse(-1) != expected.term()) {
        return different("term of " + i, expected.term(), log.term(i));
      }
    }
    if (log.reader().read(log.last() + 1).isPresent()) {
      return different("entry behind the last", "none", log.last() + 1);
    }
    return Optional.empty();
  }

  private static Optional<String> different(String what, Object expected, Object found) {
    return Optional.of(what + ": expected " + expected + ", found " + found);
  }
}
