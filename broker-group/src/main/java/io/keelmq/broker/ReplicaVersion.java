package io.keelmq.broker;

import io.keelmq.broker.state.LevelRange;

/**
 * What a replica runs.
 *
 * @param software its version, for people
 * @param levels the feature levels that it supports, as far as its operator lets it
 */
public record ReplicaVersion(String software, LevelRange levels) {

  @Override
  public String toString() {
    return "version %s, which supports feature levels %s".formatted(software, levels);
  }
}
