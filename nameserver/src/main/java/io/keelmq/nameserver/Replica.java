package io.keelmq.nameserver;

import io.keelmq.common.HostPort;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.Voter;
import java.util.List;

/**
 * What one replica said last, and whether it is still heard. Owned by {@link Group}.
 *
 * <p>A replica that is no longer heard is absent: out of the routes, but remembered for a while,
 * because the others may still follow it. Then only its way to this name server is broken, and its
 * addresses are worth something.
 */
final class Replica {

  private ReplicaReport report;
  private long stream;
  private long heardMillis;
  private boolean present;
  private long vouchedFromMillis;
  private long rememberedUntilMillis;

  void hear(long reportingStream, ReplicaReport heard, long nowMillis) {
    // Routes need no topics from here, and they can be many.
    report = heard.toBuilder().clearTopics().clearHasTopics().build();
    stream = reportingStream;
    heardMillis = nowMillis;
    present = true;
  }

  /**
   * Its stream ended: the process is gone, most likely, and what others say about it for the next
   * moments they say because they have not noticed yet.
   */
  void leave(long nowMillis, long expiryMillis) {
    present = false;
    vouchedFromMillis = nowMillis + expiryMillis;
    rememberedUntilMillis = vouchedFromMillis + expiryMillis;
  }

  /** It was silent for {@code expiryMillis}: the others have had the time to notice a death. */
  void expire(long nowMillis, long expiryMillis) {
    present = false;
    vouchedFromMillis = heardMillis + expiryMillis / 2;
    rememberedUntilMillis = nowMillis + expiryMillis;
  }

  /** Moves all that is known on by a time in which this name server itself stood still. */
  void skip(long pauseMillis) {
    heardMillis += pauseMillis;
    vouchedFromMillis += pauseMillis;
    rememberedUntilMillis += pauseMillis;
  }

  ReplicaReport report() {
    return report;
  }

  /** Where clients reach it. */
  HostPort client() {
    return HostPort.parse(report.getClientAddress());
  }

  /** Those of its group as it knows them; empty if it does not tell. */
  List<Voter> voters() {
    return report.getVotersList();
  }

  long appliedIndex() {
    return report.getAppliedIndex();
  }

  long stream() {
    return stream;
  }

  boolean isPresent() {
    return present;
  }

  boolean isSilent(long nowMillis, long expiryMillis) {
    return present && nowMillis - heardMillis >= expiryMillis;
  }

  boolean isForgotten(long nowMillis) {
    return !present && nowMillis >= rememberedUntilMillis;
  }

  boolean isInitialized() {
    return report.getRole() != ReplicaRole.UNINITIALIZED;
  }

  /** True if it speaks for {@code term}: only such words tell who leads in it. */
  boolean speaksFor(long term) {
    return present && isInitialized() && report.getTerm() == term;
  }

  boolean claimsToLead(long term) {
    return speaksFor(term) && report.getRole() == ReplicaRole.LEADER;
  }

  /**
   * Whether the word of {@code witness} that this replica leads {@code term} counts.
   *
   * <p>Its own word is stronger: a follower in the very term has stepped down, as standing for
   * election would have raised the term, and an uninitialized one has forgotten everything. A
   * candidate, or what it said in an earlier term, is only behind: its own claim is on the way.
   */
  boolean mayLead(long term, Replica witness) {
    if (!present) {
      return witness.heardMillis >= vouchedFromMillis;
    }
    return isInitialized()
        && (report.getTerm() != term
            || report.getRole() == ReplicaRole.CANDIDATE
            || report.getRole() == ReplicaRole.LEADER);
  }
}
