package io.keelmq.chaos;

import io.keelmq.chaos.checks.Stored;
import io.keelmq.local.Node;
import java.util.ArrayList;
import java.util.List;

/**
 * What one replica had of a topic whose retention goes on. Immutable.
 *
 * @param readNanos when all of it was read, as {@link System#nanoTime}
 */
record ReplicaReading(String replica, List<Stored> stored, long readNanos) {

  /**
   * @throws io.grpc.StatusRuntimeException if the replica does not serve it
   * @throws IllegalStateException if it ends before the end it had named
   */
  static ReplicaReading of(Node node, String topic) {
    try (var replica = new ReplicaAccess(node)) {
      var stored = new ArrayList<Stored>();
      replica.readWhatIsKept(topic, stored::add);
      return new ReplicaReading(node.id(), stored, System.nanoTime());
    }
  }
}
