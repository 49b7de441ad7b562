package io.keelmq.broker.registry;

import io.keelmq.v1.ReplicaReport;

/** What a replica says about itself. Called by the registry thread only. */
@FunctionalInterface
public interface ReplicaFacts {

  /**
   * The replica as it is now. Must not block: what it waits for, no name server hears of.
   *
   * @param withTopics whether {@code has_topics} and {@code topics} shall be set; the topics must
   *     be those of the {@code topics_version} in the same report
   */
  ReplicaReport report(boolean withTopics);
}
