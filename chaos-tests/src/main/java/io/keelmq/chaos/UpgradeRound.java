package io.keelmq.chaos;

import io.keelmq.broker.state.LevelRange;
import io.keelmq.chaos.UpgradePlan.Move;
import io.keelmq.chaos.UpgradePlan.Side;
import io.keelmq.chaos.UpgradeVerdict.Size;
import io.keelmq.client.GroupLevels;
import io.keelmq.client.KeelClient;
import io.keelmq.client.RequestRejected;
import io.keelmq.local.CatchUp;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.ReachedLevels;
import io.keelmq.local.Release;
import io.keelmq.local.RollingRestart;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.Topic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Upgrades a cluster under load as an {@link UpgradePlan} says. While brokers of both releases are
 * there, one of each leads, a follower of the other release gets the leader's snapshot, and leaders
 * are killed. Then the group rises, and a broker of the old release is started once more, which has
 * to refuse. Owned by the thread that drives the run.
 */
final class UpgradeRound {

  private static final Duration PROGRESS = Duration.ofMinutes(2);

  /** Of a machine that is busy with others. */
  private static final RollingRestart.Limits LIMITS =
      new RollingRestart.Limits(Duration.ofSeconds(40), UpgradeRounds.START_DEADLINE);

  private static final Duration RISE = Duration.ofSeconds(60);
  private static final int TRANSFERS = 4;
  private static final String TOPIC_BY_SIZE = "by-size";
  private static final long RETENTION_BYTES = 1 << 20;
  private static final String SNAPSHOT_INSTALLS = "keelmq_snapshot_installs_total";
  private static final String SET_ASIDE = "set-aside-*";

  /**
   * A node that was replaced.
   *
   * @param role what it was when it was told to stop
   */
  record Step(String node, String role, Side to, long stopMillis, long readyMillis) {}

  private final Map<Side, Release> releases;
  private final UpgradeVerdict verdict;
  private final List<Step> steps = new ArrayList<>();
  private final Set<Side> sentSnapshots = EnumSet.noneOf(Side.class);
  private final Set<Side> killed = EnumSet.noneOf(Side.class);
  private Faults faults;
  private LocalCluster cluster;
  private Nemesis nemesis;
  private boolean mayRise;
  private long riseMillis = -1;

  /**
   * @param releases one of each side
   */
  UpgradeRound(Map<Side, Release> releases, UpgradeVerdict verdict) {
    this.releases = Map.copyOf(releases);
    this.verdict = verdict;
  }

  List<Step> steps() {
    return List.copyOf(steps);
  }

  /** That was still waited for it behind the last broker's step; -1: it did not rise. */
  long riseMillis() {
    return riseMillis;
  }

  /** Of a cluster that was started from the old release. */
  void run(Faults to, ConsumerProcesses consumers, UpgradePlan plan) {
    faults = to;
    cluster = faults.cluster();
    nemesis = new Nemesis(faults, consumers);
    try (var client = KeelClient.connect(cluster.endpoints())) {
      faults.awaitMoreOks(faults.draw(100, 300), PROGRESS);
      verdict.supportedByOld(supported(cluster.leader()));
      Side leads = faults.draw(0, 2) == 0 ? Side.OLD : Side.NEW;
      for (int i = 0; i < plan.moves().size(); i++) {
        Move move = plan.moves().get(i);
        Map<Side, List<Node>> brokers = plan.brokersAfter(i + 1);
        mayRise = brokers.get(Side.OLD).isEmpty();
        move(client, move);
        if (move.node().isBroker() && mayRise) {
          rise(client);
        } else if (move.node().isBroker() && !brokers.get(Side.NEW).isEmpty()) {
          mixed(client, brokers, leads);
          leads = leads.other();
        }
      }
      verdict.sizeAfterRise(topicBySize(client));
      faults.awaitMoreOks(faults.draw(100, 300), PROGRESS);
      startOldOne(client);
      faults.awaitMoreOks(faults.draw(100, 300), PROGRESS);
      look();
    }
    verdict.problems().forEach(faults::problem);
  }

  private static int supported(Node node) {
    try (var replica = new ReplicaAccess(node)) {
      return replica.status().getFeatureLevelMost();
    }
  }

  private void move(KeelClient client, Move move) {
    Node node = move.node();
    var done =
        restart(client)
            .restart(
                node,
                stopping -> {
                  faults.note("replace " + stopping.id() + " by " + move.to());
                  faults.count("replaced");
                  faults.disturb();
                  cluster.install(stopping, releases.get(move.to()));
                });
    faults.note(node.id() + " is back");
    steps.add(new Step(node.id(), done.role(), move.to(), done.stopMillis(), done.startMillis()));
    if (move.to() == Side.OLD) {
      verdict.wentBack();
    }
    faults.awaitMoreOks(faults.draw(50, 200), PROGRESS);
    look();
  }

  private RollingRestart restart(KeelClient client) {
    return new RollingRestart(cluster, new CatchUp(client)::await, LIMITS);
  }

  /** One of that side leads and dies; what it can do before is looked at. */
  private void mixed(KeelClient client, Map<Side, List<Node>> brokers, Side side) {
    if (!lead(brokers.get(side))) {
      verdict.flaw("no " + side + " broker led after " + TRANSFERS + " transfers");
      return;
    }
    verdict.ledWhileMixed(side);
    verdict.sizeWhileMixed(side, topicBySize(client));
    faults.awaitMoreOks(faults.draw(50, 200), PROGRESS);
    if (sentSnapshots.add(side)) {
      sendSnapshot(brokers, side);
    }
    // Once of each side: to start a broker again is what takes the time.
    if (killed.add(side)) {
      killLeader();
    }
    look();
  }

  /** Sometimes it is back before the others have elected. */
  private void killLeader() {
    Node leader = cluster.leader();
    faults.count("leader killed");
    faults.kill(leader);
    faults.awaitMoreOks(faults.draw(0, 2) * 200L, PROGRESS);
    faults.startAll(List.of(leader), LIMITS.ready());
    verdict.leaderKilledWhileMixed();
    faults.awaitMoreOks(faults.draw(100, 300), PROGRESS);
  }

  /** Until one of these leads; another election may come first. */
  private boolean lead(List<Node> nodes) {
    for (int i = 0; i < TRANSFERS && !nodes.contains(cluster.leader()); i++) {
      nemesis.transferLeadership(nodes.get(faults.draw(0, nodes.size())));
      faults.awaitMoreOks(50, PROGRESS);
    }
    return nodes.contains(cluster.leader());
  }

  /** A follower of the other release loses its data, and comes back by the leader's snapshot. */
  private void sendSnapshot(Map<Side, List<Node>> brokers, Side side) {
    Node leader = cluster.leader();
    try (var replica = new ReplicaAccess(leader)) {
      // Behind its second one the leader's log begins later for Raft: who is new needs it.
      replica.takeSnapshot();
      faults.awaitMoreOks(faults.draw(100, 200), PROGRESS);
      replica.takeSnapshot();
    }
    List<Node> receivers = brokers.get(side.other());
    Node receiver = receivers.get(faults.draw(0, receivers.size()));
    faults.wipe(receiver);
    cluster.awaitVoter(receiver, LIMITS.ready());
    faults.note(receiver.id() + " votes");
    if (brokers.get(side).contains(leader)
        && cluster.leader().equals(leader)
        && OpsPage.metric(receiver, SNAPSHOT_INSTALLS) > 0) {
      verdict.cameBySnapshot(side.other());
    }
  }

  /** All brokers are of the new release: nobody asks for it, and the level rises. */
  private void rise(KeelClient client) {
    long began = System.nanoTime();
    int level =
        ReachedLevels.await(client, RISE).values().stream()
            .mapToInt(GroupLevels::now)
            .min()
            .orElse(0);
    verdict.reached(level, LevelRange.NEWEST);
    if (level == LevelRange.NEWEST) {
      riseMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
      faults.note("the group is at feature level " + level);
    }
  }

  private static Size topicBySize(KeelClient client) {
    try {
      var wanted =
          Topic.newBuilder()
              .setTopic(TOPIC_BY_SIZE)
              .setQueues(1)
              .setRetentionBytes(RETENTION_BYTES)
              .build();
      long taken = client.admin().createTopic(wanted).getRetentionBytes();
      client.admin().deleteTopic(TOPIC_BY_SIZE);
      return taken == RETENTION_BYTES ? Size.TAKEN : Size.OVERLOOKED;
    } catch (RequestRejected e) {
      return Size.REFUSED;
    }
  }

  /** It must end by itself while the others go on, and its folder must be as good as before. */
  private void startOldOne(KeelClient client) {
    Node node = cluster.brokers().get(faults.draw(0, cluster.brokers().size()));
    faults.note("start " + node.id() + " from OLD on the raised group");
    faults.count("old one on the raised group");
    faults.disturb();
    cluster.stopNode(node, LIMITS.graceful());
    cluster.install(node, releases.get(Side.OLD));
    cluster.startNode(node);
    faults.awaitMoreOks(faults.draw(100, 300), PROGRESS);
    try {
      cluster.awaitReady(List.of(node), LIMITS.ready());
      faults.note(node.id() + " was ready");
    } catch (ClusterFailure e) {
      if (!cluster.isRunning(node)) {
        verdict.oldOneEnded(e.getMessage().replace(cluster.dir().toString(), ""));
        faults.note(node.id() + " refused");
      }
    }
    faults.awaitMoreOks(faults.draw(100, 300), PROGRESS);
    restart(client)
        .restart(
            node,
            stopping -> {
              faults.disturb();
              cluster.install(stopping, releases.get(Side.NEW));
            });
    faults.note(node.id() + " is back");
  }

  /** At the nodes between two steps. */
  private void look() {
    for (Node node : cluster.nodes()) {
      if (!cluster.isRunning(node)) {
        verdict.flaw(node.id() + " ended by itself: " + cluster.tail(node, 5));
      } else if (node.isBroker()) {
        lookAt(node);
      }
    }
  }

  private void lookAt(Node node) {
    try (var replica = new ReplicaAccess(node)) {
      ReplicaStatus status = replica.status();
      if (!mayRise) {
        verdict.levelBeforeRise(node.id(), status.getFeatureLevel());
      }
      status
          .getDigestsList()
          .forEach(each -> verdict.digest(node.id(), each.getIndex(), each.getDigest()));
      status
          .getRowSumsList()
          .forEach(each -> verdict.sum(node.id(), each.getIndex(), each.getDigest()));
    }
    try (DirectoryStream<Path> aside = Files.newDirectoryStream(cluster.dataDir(node), SET_ASIDE)) {
      aside.forEach(
          folder -> verdict.flaw(node.id() + " has set its data aside: " + folder.getFileName()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
