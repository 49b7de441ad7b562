package io.keelmq.chaos;

import io.keelmq.chaos.checks.DurableCopies;
import io.keelmq.common.Json;
import io.keelmq.local.Node;
import java.util.List;

/**
 * One cut and what was on the disks behind it. Immutable.
 *
 * @param seen whether the moment that was waited for came
 * @param cutMicros from the first disk to the last
 * @param scans how often the disks were read: those of replicas that run change meanwhile
 */
record PowerRound(
    int number,
    List<Node> victims,
    PowerPlan.Moment moment,
    boolean seen,
    long cutMicros,
    DurableCopies.Count onDisk,
    int scans) {

  /**
   * @param inRun its number over all clusters of a run
   */
  Json json(int inRun) {
    return new Json()
        .put("round", inRun)
        .putTexts("cut", victims.stream().map(Node::id).toList())
        .put("moment", moment.name())
        .put("moment_seen", seen)
        .put("cut_micros", cutMicros)
        .put("acked_so_far", onDisk.acked())
        .put("acked_on_too_few_disks", onDisk.tooFew())
        .put("acked_on_no_disk", onDisk.nowhere());
  }
}
