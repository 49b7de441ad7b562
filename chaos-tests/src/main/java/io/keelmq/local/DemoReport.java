package io.keelmq.local;

import io.keelmq.common.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the demo came to. Immutable.
 *
 * @param retriedBatches batches that were sent again because of the kill
 */
record DemoReport(
    DemoText text,
    long sent,
    long acked,
    long failed,
    String firstFailure,
    long retriedBatches,
    long read,
    long lost,
    long duplicated,
    long outOfOrder,
    long foreign,
    String sha256Sent,
    String sha256Read,
    double seconds,
    double p50Millis,
    double p99Millis,
    String killedNode,
    double longestPauseMillis,
    double restartSeconds,
    double startSeconds,
    Group group) {

  /**
   * What the consumer group came to, one consumer of which was killed and replaced.
   *
   * @param ackedUntold acknowledged by the one that was killed, which was never told so
   * @param againAfterKill delivered again because the consumer that had it was killed
   * @param againOtherwise delivered again for other reasons: the leader was killed, a lease ended
   * @param againAfterAck delivered again though its acknowledgement had succeeded
   * @param killed a consumer was killed at all
   * @param consumed the brokers say that everything is settled
   */
  record Group(
      long lines,
      long taken,
      long acked,
      long ackedUntold,
      long againAfterKill,
      long againOtherwise,
      long againAfterAck,
      boolean killed,
      boolean consumed) {

    static Group of(DemoTally tally, long lines, boolean consumed) {
      return new Group(
          lines,
          tally.taken(),
          tally.acked(),
          tally.ackedUntold(),
          tally.againAfterKill(),
          tally.againOtherwise(),
          tally.againAfterAck(),
          tally.hasKilled(),
          consumed);
    }

    /** Messages that no consumer acknowledged, for all that is known. */
    long lost() {
      return lines - acked - ackedUntold;
    }

    List<String> problems() {
      var problems = new ArrayList<String>();
      if (lost() != 0 || !consumed) {
        problems.add(
            "the group acknowledged %d and perhaps %d of %d messages and the brokers %s"
                .formatted(
                    acked,
                    ackedUntold,
                    lines,
                    consumed ? "say that all are settled" : "still have some that are not"));
      }
      if (againAfterAck > 0) {
        problems.add(againAfterAck + " messages came again though they were acknowledged");
      }
      if (!killed) {
        problems.add("no consumer was killed: the group took too little in time");
      }
      return problems;
    }
  }

  /** Why the demo failed; empty if every line came out once and in order. */
  List<String> problems() {
    var problems = new ArrayList<String>();
    if (failed > 0) {
      problems.add(failed + " sends failed, the first with: " + firstFailure);
    }
    if (acked != sent) {
      problems.add("sent " + sent + ", acknowledged " + acked);
    }
    if (read != sent || lost > 0 || duplicated > 0) {
      problems.add(
          "sent " + sent + ", read " + read + ": " + lost + " lost, " + duplicated + " duplicated");
    }
    if (foreign > 0) {
      problems.add(foreign + " messages are no line of the text");
    }
    if (outOfOrder > 0) {
      problems.add(outOfOrder + " lines came out of order");
    }
    if (!sha256Sent.equals(sha256Read)) {
      problems.add("the SHA-256 of the text is " + sha256Sent + ", that read is " + sha256Read);
    }
    problems.addAll(group.problems());
    return problems;
  }

  String table() {
    var table = new Table("DEMO", "");
    table.row("text", text.source());
    table.row("lines", number(text.lines()));
    table.row("bytes", number(text.bytes()));
    table.row("acked", number(acked));
    table.row("retried", number(retriedBatches) + " batches");
    table.row("lost", number(lost));
    table.row("duplicated", number(duplicated));
    table.row("out of order", number(outOfOrder));
    table.row("messages per second", number(Math.round(sent / seconds)) + ", the kill included");
    table.row("ack p50 / p99", format("%.1f ms / %.1f ms", p50Millis, p99Millis));
    table.row("longest pause around kill -9", format("%.0f ms", longestPauseMillis));
    table.row("restart of " + killedNode + " to ready", format("%.1f s", restartSeconds));
    table.row("start of the cluster to ready", format("%.1f s", startSeconds));
    table.row("group: acked", groupAcked());
    table.row("group: lost", number(group.lost()));
    table.row(
        "group: delivered again",
        number(group.againAfterKill())
            + " of the killed consumer, "
            + number(group.againOtherwise())
            + " otherwise, "
            + number(group.againAfterAck())
            + " after their ack");
    table.row("SHA-256 sent", sha256Sent);
    table.row("SHA-256 read", sha256Read);
    return table.toString();
  }

  Json json() {
    return new Json()
        .put("ok", problems().isEmpty())
        .put("text", text.source())
        .put("lines", text.lines())
        .put("bytes", text.bytes())
        .put("sent", sent)
        .put("acked", acked)
        .put("failed", failed)
        .put("retried_batches", retriedBatches)
        .put("read", read)
        .put("lost", lost)
        .put("duplicated", duplicated)
        .put("out_of_order", outOfOrder)
        .put("messages_per_second", sent / seconds)
        .put("ack_p50_ms", p50Millis)
        .put("ack_p99_ms", p99Millis)
        .put("killed_node", killedNode)
        .put("longest_pause_ms", longestPauseMillis)
        .put("restart_s", restartSeconds)
        .put("start_s", startSeconds)
        .put("group_acked", group.acked())
        .put("group_acked_untold", group.ackedUntold())
        .put("group_lost", group.lost())
        .put("group_again_after_kill", group.againAfterKill())
        .put("group_again_otherwise", group.againOtherwise())
        .put("group_again_after_ack", group.againAfterAck())
        .put("sha256_sent", sha256Sent)
        .put("sha256_read", sha256Read)
        .putTexts("problems", problems());
  }

  private String groupAcked() {
    return number(group.acked())
        + (group.ackedUntold() == 0
            ? ""
            : ", and " + number(group.ackedUntold()) + " whose answer was missed");
  }

  private static String number(long value) {
    return format("%,d", value);
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
