package io.keelmq.chaos;

import io.keelmq.chaos.PowerPlan.Moment;
import io.keelmq.chaos.checks.DurableCopies;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * The scenario of a power loss: under load the disks of some replicas lose their power and their
 * processes are killed; the disks are mounted again, looked at, and the replicas started. Owned by
 * the thread that drives the run.
 */
final class PowerRounds {

  /** Nobody knows what else the machine does. */
  static final Duration START_DEADLINE = Duration.ofMinutes(5);

  private static final Duration PROGRESS = Duration.ofMinutes(5);
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int MAX_SCANS = 3;

  private final PowerPlan plan;
  private final PowerDisks disks;
  private final Consumer<PowerRound> told;
  private final List<PowerRound> rounds = new ArrayList<>();

  /**
   * @param told each round, when its replicas run again
   */
  PowerRounds(PowerPlan plan, PowerDisks disks, Consumer<PowerRound> told) {
    this.plan = plan;
    this.disks = disks;
    this.told = told;
  }

  List<PowerRound> rounds() {
    return List.copyOf(rounds);
  }

  void inject(Faults faults, History history) {
    if (plan.expectsLoss()) {
      syncTheBeginning(faults);
    }
    try (PowerCut power = PowerCut.start()) {
      for (int i = 1; i <= plan.rounds() && faults.problems().isEmpty(); i++) {
        faults.awaitMoreOks(faults.draw(300, 1_000), PROGRESS);
        round(i, faults, history, power);
      }
    }
    if (!plan.expectsLoss()) {
      faults.awaitMoreOks(300, PROGRESS);
    }
  }

  /** The topic shall be there behind the cut, or nobody could read what is left. */
  private static void syncTheBeginning(Faults faults) {
    faults.awaitMoreOks(300, PROGRESS);
    for (Node broker : faults.cluster().brokers()) {
      try (var replica = new ReplicaAccess(broker)) {
        replica.takeSnapshot();
      }
    }
  }

  private void round(int number, Faults faults, History history, PowerCut power) {
    Moment moment = plan.drawMoment(faults::draw);
    boolean torn = plan.drawTorn(faults::draw);
    Optional<PowerAim> aim = aim(moment, faults);
    List<Node> victims = drawVictims(faults, aim.map(PowerAim::node));

    PowerCut.Done done = cut(victims, moment, aim, faults, power);
    for (Node victim : victims) {
      LoopDisk disk = disks.disk(victim.id());
      disk.unmount();
      disk.mount();
      String flaw = disks.cutFlaw(victim.id());
      if (!flaw.isEmpty()) {
        faults.problem("VOID: round " + number + ": " + flaw);
      }
    }
    faults.note("cut " + victims.stream().map(Node::id).toList() + " " + moment);
    PowerRound round = look(number, victims, moment, aim, done, history);
    judge(round, faults.cluster(), faults);
    if (torn) {
      round = round.withTorn(tear(round, faults));
      PowerRound again = look(number, victims, moment, aim, done, history);
      if (again.onDisk().tooFew() > round.onDisk().tooFew()) {
        faults.problem(
            "VOID: round %d: tearing what was not forced took %d acknowledged messages"
                .formatted(number, again.onDisk().tooFew() - round.onDisk().tooFew()));
      }
    }
    rounds.add(round);
    restart(victims, faults);
    told.accept(round);
  }

  private Optional<PowerAim> aim(Moment moment, Faults faults) {
    return switch (moment) {
      case TRUNCATE -> Optional.of(PowerAim.truncate(faults, disks));
      case ADOPT -> Optional.of(PowerAim.adopt(faults));
      case ANY, ROLL, SNAPSHOT, MIXED -> Optional.empty();
    };
  }

  private PowerCut.Done cut(
      List<Node> victims, Moment moment, Optional<PowerAim> aim, Faults faults, PowerCut power) {
    LocalCluster cluster = faults.cluster();
    List<Path> mounts = victims.stream().map(node -> disks.disk(node.id()).folder()).toList();
    power.prepare(mounts);
    boolean hit = aim.map(at -> at.isHit(faults)).orElse(false);
    var request =
        new PowerCut.Request(
            mounts,
            victims.stream()
                .filter(cluster::isRunning)
                .map(cluster::pid)
                .filter(pid -> pid > 0)
                .toList(),
            watched(victims, moment),
            PATIENCE,
            linger(moment, faults));

    if (moment == Moment.SNAPSHOT) {
      victims.forEach(PowerRounds::askForSnapshot);
    }
    faults.disturb();
    PowerCut.Done done = power.cut(request);
    cluster.killIfRunning(victims);
    faults.count(victims.size() + " without power");
    return aim.isPresent() ? new PowerCut.Done(hit, done.micros()) : done;
  }

  /** By itself a replica takes none for a minute behind the last. */
  private static void askForSnapshot(Node node) {
    CompletableFuture.runAsync(() -> PowerAim.askForSnapshot(node));
  }

  /**
   * @param first one of them in any case
   */
  private List<Node> drawVictims(Faults faults, Optional<Node> first) {
    var brokers = new ArrayList<>(faults.cluster().brokers());
    int count =
        switch (plan.kind()) {
          case ALL -> brokers.size();
          case ONE -> 1;
          case TWO -> 2;
          case MIXED -> faults.draw(1, brokers.size() + 1);
        };
    var victims = new ArrayList<Node>(first.stream().toList());
    brokers.removeAll(victims);
    while (victims.size() < count) {
      victims.add(brokers.remove(faults.draw(0, brokers.size())));
    }
    return victims;
  }

  private List<Path> watched(List<Node> victims, Moment moment) {
    return switch (moment) {
      case ROLL -> folders(victims, "log");
      case SNAPSHOT -> folders(victims, "snapshot");
      case ANY, TRUNCATE, ADOPT, MIXED -> List.of();
    };
  }

  private List<Path> folders(List<Node> victims, String name) {
    return victims.stream().map(node -> disks.replica(node.id()).resolve(name)).toList();
  }

  /** A roll takes some milliseconds, a snapshot some tens of them. */
  private static Duration linger(Moment moment, Faults faults) {
    int mostMicros =
        switch (moment) {
          case ROLL -> 10_000;
          case SNAPSHOT -> 100_000;
          // The one that matters is dead already.
          case TRUNCATE, ADOPT -> 1;
          case ANY, MIXED -> 300_000;
        };
    return Duration.ofNanos(1_000L * faults.draw(0, mostMicros));
  }

  /** Everything that was acknowledged by now has to be on a majority of the disks. */
  private PowerRound look(
      int number,
      List<Node> victims,
      Moment moment,
      Optional<PowerAim> aim,
      PowerCut.Done done,
      History history) {
    int majority = disks.nodes().size() / 2 + 1;
    int scans = 0;
    DurableCopies.Count count;
    do {
      scans++;
      var copies = new DurableCopies(majority);
      history.replaySoFar(copies::event);
      for (String node : disks.nodes()) {
        copies.diskBegins();
        DiskScan.scan(
            disks.replica(node), payload -> copies.present(payload.producer(), payload.seq()));
      }
      count = copies.count();
    } while (count.tooFew() > 0 && scans < MAX_SCANS && victims.size() < disks.nodes().size());
    return new PowerRound(
        number,
        victims,
        moment,
        done.seen(),
        aim.map(PowerAim::failpoint),
        done.micros(),
        count,
        scans,
        List.of());
  }

  /** On every disk that lost its power. */
  private List<String> tear(PowerRound round, Faults faults) {
    var tears = new ArrayList<String>();
    var random = new Seed(faults.draw(0, Integer.MAX_VALUE)).random();
    for (Node victim : round.victims()) {
      TornTail.of(disks.replica(victim.id()).resolve("log"))
          .ifPresent(
              tail -> {
                tears.add(victim.id() + " " + tail.tear(random));
                String flaw = tail.flaw();
                if (!flaw.isEmpty()) {
                  faults.problem("VOID: round " + round.number() + ": " + flaw);
                }
              });
    }
    return tears;
  }

  private void judge(PowerRound round, LocalCluster cluster, Faults faults) {
    if (plan.expectsLoss() || round.onDisk().tooFew() == 0) {
      return;
    }
    faults.problem(
        "BROKEN: what is acknowledged is on a majority of the disks (%d times, %d of them on none), round %d"
            .formatted(round.onDisk().tooFew(), round.onDisk().nowhere(), round.number()));
    round.onDisk().examples().forEach(example -> faults.problem("  " + example));
    keepDisks(round, cluster.dir().resolve("disks"));
  }

  /** As the cut left them, before anybody repairs them. */
  private void keepDisks(PowerRound round, Path folder) {
    try {
      Path kept = Files.createDirectories(folder.resolve("after-cut-" + round.number()));
      for (Node victim : round.victims()) {
        LoopDisk disk = disks.disk(victim.id());
        disk.unmount();
        disk.copyTo(kept.resolve(victim.id() + ".img"));
        disk.mount();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot keep the disks", e);
    }
  }

  private void restart(List<Node> victims, Faults faults) {
    // A majority goes on without one: sometimes that one is far behind when it comes back.
    if (victims.size() == 1) {
      faults.awaitMoreOks(faults.draw(0, 2) * 500L, PROGRESS);
    }
    faults.startAll(victims, START_DEADLINE);
    for (Node victim : victims) {
      if (!plan.expectsLoss() && hasRemains(disks.replica(victim.id()))) {
        faults.problem(
            "BROKEN: a power cut leaves every replica fit to go on; %s has set its folder aside"
                .formatted(victim.id()));
      }
    }
  }

  private static boolean hasRemains(Path replica) {
    try (var entries = Files.list(replica)) {
      return entries.anyMatch(entry -> entry.getFileName().toString().startsWith("set-aside-"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + replica, e);
    }
  }
}
