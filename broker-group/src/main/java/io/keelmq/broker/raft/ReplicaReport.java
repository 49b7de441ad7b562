package io.keelmq.broker.raft;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReplicaControl.Status;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import java.util.List;
import java.util.Optional;

/**
 * Where the status of a replica is read: in folder and rows, in the running member, while there is
 * one, and in what may keep it from being ready. Thread-safe; keeps nothing.
 */
record ReplicaReport(
    ReplicaFolder folder,
    StateView view,
    Departure departure,
    ReplicaMembership membership,
    LevelRange levels) {

  Status of(Optional<RaftMember> running, boolean closed) {
    Optional<Throwable> cause = departure.cause();
    // A learner that was removed still knows a leader, and that leader knows it no more.
    Optional<String> note = membership.note();
    boolean led = running.map(RaftMember::leadership).flatMap(Leadership::leaderNode).isPresent();
    boolean ready = led && cause.isEmpty() && !closed && note.isEmpty();
    String reason =
        cause
            .map(why -> "leaving: " + why.getMessage())
            .or(() -> note)
            .orElse(running.isEmpty() ? "not initialized" : led ? "" : "no leader is known");
    return new Status(
        folder
            .identity()
            .filter(identity -> identity.stage() != Stage.EMPTIED)
            .map(ReplicaIdentity::plan),
        running.isPresent(),
        running.map(RaftMember::peerId).orElse(""),
        running.map(RaftMember::committedIndex).orElse(0L),
        view.applied().index(),
        folder.log().physicalFirst(),
        folder.log().last(),
        folder.log().durableLast(),
        running.map(RaftMember::peers).orElse(List.of()),
        ready,
        reason,
        levels);
  }
}
