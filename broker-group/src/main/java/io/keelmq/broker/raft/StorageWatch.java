package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.core.ElectionPriority;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReplicaControl.DiskTrouble;
import io.keelmq.broker.ReplicaControl.Member;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the disk of a replica that takes part in its group, and tells Raft. Has a thread of its
 * own, because the replica's timer waits for the log now and then, and that is when somebody has to
 * look.
 */
final class StorageWatch {

  private static final Logger LOG = LoggerFactory.getLogger(StorageWatch.class);

  private static final long LOOK_MILLIS = 200;

  private static final int SPARE_SHARE = 8;

  private final RaftReplicaOptions options;
  private final ReplicaFolder folder;
  private final PeerId self;
  private final Supplier<Node> node;
  private final Supplier<Leadership> leadership;
  private final ReserveFile reserve;
  private final LogScrub scrub;
  private final StorageHealth health;
  private final GroupDisks disks;
  private final Successors successors;
  private final ScheduledExecutorService thread;
  private volatile long diskBytes;

  /**
   * @param node throws {@link IllegalStateException} while there is none
   * @param onDamage told of what the scrub finds
   */
  StorageWatch(
      RaftReplicaOptions options,
      ReplicaFolder folder,
      PeerId self,
      Supplier<Node> node,
      Supplier<Leadership> leadership,
      Roster roster,
      Successors successors,
      Consumer<Throwable> onDamage) {
    this.options = options;
    this.folder = folder;
    this.self = self;
    this.node = node;
    this.leadership = leadership;
    this.successors = successors;
    this.reserve = new ReserveFile(options.dataFolder());
    // Nobody leads in the place of one that is alone.
    StorageLimits limits =
        roster.voters().size() > 1
            ? options.storage()
            : options.storage().withStandAfter(Duration.ZERO);
    this.health = new StorageHealth(limits, options.nanos(), new OfNode());
    this.disks =
        new GroupDisks(
            health,
            () ->
                roster.voters().stream()
                    .map(Member::node)
                    .filter(name -> !name.equals(options.node()))
                    .toList(),
            options.nanos());
    this.scrub =
        new LogScrub(
            options.scrub(),
            folder.log(),
            folder.store(),
            options.node(),
            () -> roster.voters().size() > 1,
            onDamage,
            options.nanos());
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              var started = new Thread(task, "storage-watch-" + options.node());
              started.setDaemon(true);
              return started;
            });
  }

  void start() {
    reserve.make();
    look();
    thread.scheduleWithFixedDelay(this::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
    scrub.start();
  }

  void stop() {
    thread.shutdownNow();
    scrub.stop();
  }

  VoteStorage votes(Path metaFolder) {
    return new VoteStorage(metaFolder, reserve, self, health::mayTakeOver);
  }

  LogScrub scrub() {
    return scrub;
  }

  StorageHealth health() {
    return health;
  }

  /** A replica of the group has said what is the matter with its disk. */
  void heard(String replica, DiskTrouble trouble) {
    switch (trouble) {
      case LOW -> disks.isLow(replica);
      case NOT_STANDING -> successors.doesNotStand(replica, false);
      case ON_PROBATION -> successors.doesNotStand(replica, true);
    }
  }

  /** What the leader has to know of this disk. */
  Set<DiskTrouble> troubles() {
    var troubles = EnumSet.noneOf(DiskTrouble.class);
    if (health.isLow()) {
      troubles.add(DiskTrouble.LOW);
    }
    if (!health.mayTakeOver()) {
      troubles.add(DiskTrouble.NOT_STANDING);
    } else if (!health.mayStand()) {
      troubles.add(DiskTrouble.ON_PROBATION);
    }
    return troubles;
  }

  /** Whether a disk has so little room that the oldest messages shall go. */
  boolean isShortOfRoom() {
    return options.retention().trimsForWantOfDisk() && (isMissingBytes() || disks.isAnyLow());
  }

  /** Whether this disk has so little room. */
  boolean isMissingBytes() {
    return missingBytes(health.freeBytes()) > 0;
  }

  /** What it has less free than it should, asked of the disk now; 0: nothing. */
  long missingBytes() {
    try {
      return missingBytes(Files.getFileStore(options.dataFolder()).getUsableSpace());
    } catch (IOException e) {
      LOG.debug("the disk could not be looked at, the last look counts", e);
      return missingBytes(health.freeBytes());
    }
  }

  private long missingBytes(long freeBytes) {
    return Math.max(0, options.retention().trimBelow(diskBytes) - freeBytes);
  }

  /** Whether this replica should let go of what only its last snapshot still has of the log. */
  boolean wantsSnapshot() {
    return isShortOfRoom() || health.isLow();
  }

  /**
   * While bodies are refused: what may be written all the same, at a time, to make room. A share of
   * what is free, so that it never ends; and of the reserve, for a replica that has less than this
   * one.
   */
  OptionalLong spareBytes() {
    return refusal().isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(Math.min(health.freeBytes(), health.lowBelow()) / SPARE_SHARE);
  }

  /** See {@link GroupDisks#refusal}. */
  Optional<String> refusal() {
    return disks.refusal();
  }

  private void look() {
    try {
      var store = Files.getFileStore(options.dataFolder());
      diskBytes = store.getTotalSpace();
      Leadership now = leadership.get();
      health.look(
          new StorageHealth.Look(
              now.isLeader(),
              now.isLeader() || now.leaderAddress().isPresent(),
              folder.log().stats().runningForceNanos(),
              store.getUsableSpace(),
              diskBytes));
    } catch (IOException | RuntimeException e) {
      // A thread's root: the next look may succeed.
      LOG.warn("the disk could not be looked at", e);
    }
  }

  private final class OfNode implements StorageHealth.Remedies {

    @Override
    public void handOver() {
      LOG.warn("asked another replica to take over, status={}", successors.handOver());
    }

    /**
     * JRaft asks the node's own id, and no copy of it, whether it may stand. The priority is no
     * part of what makes two ids equal.
     */
    @Override
    public void stand(boolean may) {
      int priority = may ? ElectionPriority.Disabled : ElectionPriority.NotElected;
      try {
        PeerId live = node.get().getNodeId().getPeerId();
        if (live.getPriority() != priority) {
          live.setPriority(priority);
        }
      } catch (IllegalStateException e) {
        LOG.debug("Raft does not run yet, the next look will tell it", e);
      }
    }
  }
}
