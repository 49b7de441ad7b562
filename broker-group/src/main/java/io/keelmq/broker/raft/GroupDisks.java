package io.keelmq.broker.raft;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Whether the group has room for bodies, as its leader knows it: by its own disk, and by what
 * replicas that are low say every second. One full follower is no reason to refuse anything: it
 * falls behind, or leaves, and comes back. Thread-safe; lost with the process and heard again
 * within a second.
 */
final class GroupDisks {

  /** Who has not said so for this long has room again, or does not run. */
  static final long HEARD_MILLIS = 3_000;

  private final StorageHealth own;
  private final Supplier<List<String>> others;
  private final LongSupplier nanos;
  private final Map<String, Long> heard = new ConcurrentHashMap<>();

  /**
   * @param others nodes of the other voters
   */
  GroupDisks(StorageHealth own, Supplier<List<String>> others, LongSupplier nanos) {
    this.own = own;
    this.others = others;
    this.nanos = nanos;
  }

  void isLow(String node) {
    if (others.get().contains(node)) {
      heard.put(node, nanos.getAsLong());
    }
  }

  /** Why nothing with a body may be stored now; empty nearly always. Quick. */
  Optional<String> refusal() {
    if (own.isLow()) {
      return Optional.of(
          "the disk of the leader has %d bytes free, disk.min.free is %d: free space, sends then go on by themselves"
              .formatted(own.freeBytes(), own.lowBelow()));
    }
    if (heard.isEmpty()) {
      return Optional.empty();
    }
    List<String> voters = others.get();
    List<String> low = voters.stream().filter(this::saidLately).toList();
    int all = voters.size() + 1;
    if (all - low.size() > all / 2) {
      return Optional.empty();
    }
    return Optional.of(
        "%d of %d replicas are low on disk (%s): free space there, sends then go on by themselves"
            .formatted(low.size(), all, String.join(",", low)));
  }

  /** Whether the leader or any other voter is low on disk. */
  boolean isAnyLow() {
    return own.isLow() || others.get().stream().anyMatch(this::saidLately);
  }

  private boolean saidLately(String node) {
    Long at = heard.get(node);
    if (at == null) {
      return false;
    }
    boolean lately = nanos.getAsLong() - at < TimeUnit.MILLISECONDS.toNanos(HEARD_MILLIS);
    if (!lately) {
      heard.remove(node, at);
    }
    return lately;
  }
}
