package io.keelmq.local;

import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.GroupLevels;
import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import java.time.Duration;
import java.util.SortedMap;
import java.util.TreeMap;

/** The feature levels that the groups of a cluster come to after an upgrade. Stateless. */
public final class ReachedLevels {

  private ReachedLevels() {}

  /** By group, when none can rise any more, or after {@code limit} as they are then. */
  public static SortedMap<String, GroupLevels> await(KeelClient client, Duration limit) {
    var reached = new TreeMap<String, GroupLevels>();
    Waiting.until(
        limit,
        () -> {
          look(client, reached);
          return !reached.isEmpty()
              && reached.values().stream().allMatch(level -> level.now() >= level.supported());
        });
    return reached;
  }

  private static void look(KeelClient client, SortedMap<String, GroupLevels> reached) {
    try {
      for (GroupState group : client.admin().clusterStatus().groups()) {
        reached.put(group.route().getBrokerGroup(), GroupLevels.of(group));
      }
    } catch (KeelException e) {
      // Name servers that have just been restarted may have nothing to tell yet.
      reached.clear();
    }
  }
}
