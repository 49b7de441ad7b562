package io.keelmq.local;

import java.util.Map;

/**
 * What a node is started from: the programs, and what brokers of these are told. Immutable.
 *
 * @param brokerSettings beside the addresses; a release may not know those of another one
 */
public record Release(Distribution distribution, Map<String, String> brokerSettings) {

  public Release {
    brokerSettings = Map.copyOf(brokerSettings);
  }
}
