package io.keelmq.chaos;

import io.keelmq.chaos.checks.DurableCopies;
import io.keelmq.common.Json;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.Node;
import java.util.List;
import java.util.Optional;

/**
 * One cut and what was on the disks behind it. Immutable.
 *
 * @param seen whether the moment that was waited for came
 * @param failpoint at which a replica was to die right before the cut; seen says whether it did
 * @param cutMicros from the first disk to the last
 * @param scans how often the disks were read: those of replicas that run change meanwhile
 * @param torn what was written over that had not been forced
 */
record PowerRound(
    int number,
    List<Node> victims,
    PowerPlan.Moment moment,
    boolean seen,
    Optional<Failpoint> failpoint,
    long cutMicros,
    DurableCopies.Count onDisk,
    int scans,
    List<String> torn) {

  PowerRound withTorn(List<String> tears) {
    return new PowerRound(
        number, victims, moment, seen, failpoint, cutMicros, onDisk, scans, List.copyOf(tears));
  }

  /**
   * @param inRun its number over all clusters of a run
   */
  Json json(int inRun) {
    return new Json()
        .put("round", inRun)
        .putTexts("cut", victims.stream().map(Node::id).toList())
        .put("moment", moment.name())
        .put("moment_seen", seen)
        .put("failpoint", failpoint.map(Failpoint::name).orElse(""))
        .put("cut_micros", cutMicros)
        .put("acked_so_far", onDisk.acked())
        .put("acked_on_too_few_disks", onDisk.tooFew())
        .put("acked_on_no_disk", onDisk.nowhere())
        .putTexts("torn", torn);
  }
}
