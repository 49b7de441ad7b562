package io.keelmq.nameserver;

import io.keelmq.v1.Code;

/** What became of one replica report. */
sealed interface ReportOutcome {

  /**
   * @param changed whether the routes are others than before
   * @param wantTopics whether the replica shall send its topics with the next report
   * @param topicsFit false if its topics are more than there is room for; the older ones stay
   */
  record Accepted(boolean changed, boolean wantTopics, boolean topicsFit)
      implements ReportOutcome {}

  /**
   * It is older than what is known already and changed nothing.
   *
   * @param reason a label for the metric, e.g. older_boot
   */
  record Ignored(String reason, String message) implements ReportOutcome {}

  /**
   * It cannot be right, or there is no room for it. It changed nothing, and its stream ends.
   *
   * @param message what was expected, what was found and what to do
   */
  record Rejected(Code code, String message) implements ReportOutcome {}
}
