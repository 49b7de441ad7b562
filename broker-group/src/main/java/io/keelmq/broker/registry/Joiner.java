package io.keelmq.broker.registry;

import io.keelmq.v1.JoinReplicaRequest;
import io.keelmq.v1.JoinReplicaResponse;
import java.util.Optional;

/** The replica that may have something to say to its leader. Called by the join thread only. */
public interface Joiner {

  /** What it has to say now; empty: nothing, as nearly always. */
  Optional<JoinReplicaRequest> request();

  /** What the leader answered. May block on disk. */
  void answered(JoinReplicaResponse response);

  /** Why there was no answer, or a refusal; for whoever looks at the replica's status. */
  void refused(String why);
}
