package io.keelmq.chaos;

import io.keelmq.client.Admin;
import io.keelmq.common.HostPort;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.Waiting;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.PeerProgress;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One change of members, in the middle of which somebody is killed and the operator's command ends.
 * Whoever was killed is started again, the configuration must be one of those that the change may
 * leave behind, and the command, given again, must bring it to its end. For one thread.
 */
final class MemberRound {

  /** Before its end the first command is over, as when the operator's machine dies. */
  private static final Duration FIRST_COMMAND = Duration.ofSeconds(8);

  private static final Duration DEADLINE = Duration.ofMinutes(4);
  private static final Duration PROGRESS = Duration.ofMinutes(2);

  /** Who is killed. */
  enum Victim {
    LEADER,
    COMING,
    LEAVING
  }

  /**
   * What became of it.
   *
   * @param first what the interrupted command came to; empty: it was done all the same
   * @param flaw what is wrong; empty: nothing
   */
  record Outcome(
      MemberChange.Kind kind,
      Victim victim,
      int before,
      int after,
      MemberStage killedAt,
      String first,
      long millis,
      String flaw) {}

  private final Faults faults;
  private final LocalCluster cluster;
  private final Admin admin;

  MemberRound(Faults faults, Admin admin) {
    this.faults = faults;
    this.cluster = faults.cluster();
    this.admin = admin;
  }

  Outcome run(MemberChange.Kind kind, Victim victim) {
    List<Node> brokers = cluster.brokers();
    Optional<Node> leaving =
        kind.takes() ? Optional.of(brokers.get(faults.draw(0, brokers.size()))) : Optional.empty();
    var change = new MemberChange(kind, cluster, admin, leaving);
    Set<String> before = addresses(brokers);
    faults.note(kind + leaving.map(node -> " of " + node.id()).orElse("") + " begins");
    long began = System.nanoTime();
    var first = CompletableFuture.supplyAsync(() -> change.command(FIRST_COMMAND));
    MemberStage moment = moment(kind, victim);
    Waiting.until(FIRST_COMMAND, () -> first.isDone() || change.isAt(moment));
    if (faults.draw(0, 2) == 0) {
      faults.awaitMoreOks(faults.draw(1, 200), PROGRESS);
    }
    Optional<Node> killed = victim(victim, change).filter(cluster::isRunning);
    killed.ifPresent(faults::kill);
    Optional<String> interrupted = first.join();

    killed
        .filter(node -> cluster.brokers().contains(node) && !cluster.isRunning(node))
        .ifPresent(cluster::startNode);
    Set<String> after = new HashSet<>(before);
    leaving.ifPresent(node -> after.remove(node.raft().toString()));
    change.coming().ifPresent(node -> after.add(node.raft().toString()));
    var flaws = new ArrayList<String>();
    Set<String> between = configuration();
    if (!mayBeLeftBehind(before, after, between)) {
      flaws.add("of " + before + " on the way to " + after + " there was " + between);
    }
    change.commandUntilDone(DEADLINE).ifPresent(why -> flaws.add("it cannot be ended: " + why));
    // It may have been made by the second command only.
    change.coming().ifPresent(node -> after.add(node.raft().toString()));
    if (!Waiting.until(DEADLINE, () -> configuration().equals(after))) {
      flaws.add("expected " + after + " in the end, there is " + configuration());
    }
    cluster.awaitReady(cluster.brokers(), PROGRESS);
    faults.awaitMoreOks(100, PROGRESS);
    faults.note(kind + " is done");
    return new Outcome(
        kind,
        victim,
        before.size(),
        after.size(),
        moment,
        interrupted.orElse(""),
        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began),
        String.join("; ", flaws));
  }

  /** The stage at which somebody is killed. Behind CATCHING_UP, Raft's joint change begins. */
  private MemberStage moment(MemberChange.Kind kind, Victim victim) {
    if (kind == MemberChange.Kind.REMOVE || victim == Victim.LEAVING) {
      return MemberStage.LEAVING;
    }
    List<MemberStage> stages =
        List.of(
            MemberStage.ANNOUNCED,
            MemberStage.JOINING,
            MemberStage.CATCHING_UP,
            MemberStage.CATCHING_UP,
            MemberStage.VOTER);
    return stages.get(faults.draw(0, stages.size()));
  }

  private Optional<Node> victim(Victim victim, MemberChange change) {
    return switch (victim) {
      case LEADER -> Optional.of(cluster.leader());
      case COMING -> change.coming();
      case LEAVING -> change.leaving();
    };
  }

  /**
   * Whether Raft's members are those of before, those of after, or, where one comes and another one
   * goes, those with both: nobody else, and nobody missing who is in both.
   */
  static boolean mayBeLeftBehind(Set<String> before, Set<String> after, Set<String> found) {
    var stay = new HashSet<>(before);
    stay.retainAll(after);
    var all = new HashSet<>(before);
    all.addAll(after);
    return found.containsAll(stay)
        && all.containsAll(found)
        && (found.containsAll(before) || found.containsAll(after));
  }

  /** Raft addresses of all that get the log, as the leader's Raft node has them; learners too. */
  private Set<String> configuration() {
    var found = new HashSet<String>();
    boolean led =
        Waiting.until(
            PROGRESS,
            () -> {
              Optional<ReplicaStatus> leader =
                  admin
                      .replicaStatus(cluster.leader().client().toString())
                      .filter(status -> status.getRole() == ReplicaRole.LEADER);
              found.clear();
              leader.ifPresent(
                  status -> {
                    found.add(address(status.getPeerId()));
                    status.getPeersList().stream()
                        .map(PeerProgress::getPeerId)
                        .map(MemberRound::address)
                        .forEach(found::add);
                  });
              return found.size() > 1;
            });
    if (!led) {
      throw new IllegalStateException("nobody leads: " + cluster.status());
    }
    return found;
  }

  private static String address(String peerId) {
    String[] parts = peerId.split(":", -1);
    return new HostPort(parts[0], Integer.parseInt(parts[1])).toString();
  }

  private static Set<String> addresses(List<Node> nodes) {
    var addresses = new HashSet<String>();
    nodes.forEach(node -> addresses.add(node.raft().toString()));
    return addresses;
  }
}
