package io.keelmq.nameserver;

import io.keelmq.common.HostPort;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.Routes;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * The routes as they are now, for all who report, ask and watch. Thread-safe: the lock guards the
 * registry, the version and the built routes, is held for short and calls nobody.
 *
 * <p>For the first {@code warm.up} after the start the routes say that they are warming up: what is
 * not in them may only not have reported yet. Nothing tells earlier that all have, because an empty
 * name server cannot know how many there are; so it is a time, three intervals of reports.
 */
final class RouteDirectory {

  /** How one group looks to the operators' metrics. */
  record GroupGauges(String group, long term, boolean leaderKnown, int replicas) {}

  private final LongSupplier clockMillis;
  private final long warmUntilMillis;
  private final Runnable onChange;
  private final GroupRegistry registry;
  private long version = 1;
  private boolean warmingUp;
  private Routes pushed;

  /**
   * @param clockMillis never goes back; of any origin
   * @param onChange called after every change of the routes, without the lock; must not block
   */
  RouteDirectory(NameServerOptions options, LongSupplier clockMillis, Runnable onChange) {
    this.clockMillis = clockMillis;
    this.onChange = onChange;
    long nowMillis = clockMillis.getAsLong();
    this.warmUntilMillis = nowMillis + options.warmUp().toMillis();
    this.warmingUp = nowMillis < warmUntilMillis;
    this.registry = new GroupRegistry(options.replicaExpiry().toMillis(), nowMillis);
  }

  ReportOutcome report(long stream, ReplicaReport report) {
    ReportOutcome outcome;
    synchronized (this) {
      outcome = registry.report(stream, report, clockMillis.getAsLong());
      if (!(outcome instanceof ReportOutcome.Accepted accepted) || !accepted.changed()) {
        return outcome;
      }
      changed();
    }
    onChange.run();
    return outcome;
  }

  void streamEnded(long stream) {
    synchronized (this) {
      if (!registry.streamEnded(stream, clockMillis.getAsLong())) {
        return;
      }
      changed();
    }
    onChange.run();
  }

  /** Lets time pass: silent replicas drop out and the warming up ends. */
  void tick() {
    synchronized (this) {
      long nowMillis = clockMillis.getAsLong();
      boolean warmedUp = warmingUp && nowMillis >= warmUntilMillis;
      boolean expired = registry.expire(nowMillis);
      if (!warmedUp && !expired) {
        return;
      }
      warmingUp &= !warmedUp;
      changed();
    }
    onChange.run();
  }

  /** The routes with the latest applied indexes. */
  synchronized Routes routes() {
    return build();
  }

  /**
   * The routes of the present version, one object for all watchers. Applied indexes are of the time
   * of the change: they move all the time and are no reason to push.
   */
  synchronized Routes pushedRoutes() {
    if (pushed == null) {
      pushed = build();
    }
    return pushed;
  }

  /** Where a topic is, in each group that has it. */
  synchronized List<TopicPlace> places(String topic) {
    return registry.groups().stream().flatMap(group -> group.place(topic).stream()).toList();
  }

  /** Replicas of all groups to which calls can be passed on. */
  synchronized List<HostPort> calls() {
    return registry.groups().stream().flatMap(group -> group.calls().stream()).toList();
  }

  synchronized long version() {
    return version;
  }

  synchronized boolean isWarmingUp() {
    return warmingUp;
  }

  /** How many present replicas claim to lead the group's highest term. */
  synchronized int leadersClaimed(String group) {
    return registry.group(group).map(Group::leadersClaimed).orElse(0);
  }

  synchronized List<GroupGauges> gauges() {
    var gauges = new ArrayList<GroupGauges>();
    registry
        .groups()
        .forEach(
            group ->
                gauges.add(
                    new GroupGauges(
                        group.name(),
                        group.term(),
                        !group.leaderNode().isEmpty(),
                        group.presentReplicas())));
    return gauges;
  }

  private void changed() {
    version++;
    pushed = null;
  }

  private Routes build() {
    return Routes.newBuilder()
        .setWarmingUp(warmingUp)
        .setVersion(version)
        .addAllGroups(registry.routes())
        .build();
  }
}
