package io.keelmq.chaos.kills;

import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.chaos.kills.ReplicaScript.Part;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Kills a replica that is the only one of its group. It must come back by itself as a voter that
 * holds what was acknowledged; or, where it was being set aside, the remains must be such a replica
 * and the folder one that may join under another incarnation.
 */
public final class ReplicaRig implements Rig {

  private static final Set<Failpoint> SETTING_ASIDE =
      EnumSet.range(Failpoint.ASIDE_FOLDER_MADE, Failpoint.ASIDE_MOVED);
  private static final Set<Failpoint> MAKING_ROOM =
      EnumSet.of(
          Failpoint.TRIM_DECIDED,
          Failpoint.QUEUE_TRIM_DECIDED,
          Failpoint.QUEUES_TRIMMED,
          Failpoint.RELOCATION_DECIDED,
          Failpoint.RELOCATION_PROPOSED,
          Failpoint.RELOCATED,
          Failpoint.LOG_FREED);
  private static final Set<Failpoint> JOINING =
      EnumSet.of(Failpoint.INCARNATION_GIVEN, Failpoint.INCARNATION_TAKEN);

  @Override
  public String name() {
    return "replica";
  }

  @Override
  public Set<Failpoint> failpoints() {
    var reached = EnumSet.range(Failpoint.VOTE_WRITTEN, Failpoint.SNAPSHOT_SEALED);
    reached.addAll(MAKING_ROOM);
    return reached;
  }

  @Override
  public Outcome kill(Failpoint failpoint, long hit, Path folder) throws IOException {
    long began = System.nanoTime();
    int port = new PortPlan.Free(Seed.fresh().random()).place(1, 0).get(0).raftPort();
    var problems = new ArrayList<String>();
    Part part = part(failpoint);
    if (part == Part.SET_ASIDE) {
      DyingChild served = run(folder, "", port, Part.SERVE);
      if (!served.finished()) {
        problems.add("it did not serve: " + served.lastWords());
      }
    }
    DyingChild child = run(folder, failpoint + ":" + hit, port, part);
    boolean died = child.diedAt(failpoint, hit);
    if (!died && !child.finished()) {
      problems.add(child.lastWords());
    }
    try {
      judge(part, folder, port, problems);
    } catch (IOException | UnusableFolderException | Refused | RuntimeException e) {
      problems.add(e.toString());
    }
    return new Outcome(
        name(), failpoint, hit, died, problems, (System.nanoTime() - began) / 1_000_000);
  }

  private static Part part(Failpoint failpoint) {
    if (SETTING_ASIDE.contains(failpoint)) {
      return Part.SET_ASIDE;
    }
    if (MAKING_ROOM.contains(failpoint)) {
      return Part.MAKE_ROOM;
    }
    return JOINING.contains(failpoint) ? Part.JOIN : Part.SERVE;
  }

  private static DyingChild run(Path folder, String armed, int port, Part part) throws IOException {
    return DyingChild.runWithAll(
        ReplicaScript.class,
        armed,
        folder.resolve("output"),
        folder.toString(),
        Integer.toString(port),
        part.name());
  }

  static void judge(Part part, Path folder, int port, List<String> problems)
      throws IOException, UnusableFolderException, Refused {
    switch (part) {
      case SERVE, MAKE_ROOM ->
          serves(ReplicaScript.data(folder), port, ReplicaScript.acked(folder), problems);
      case JOIN -> joins(ReplicaScript.data(folder), port, problems);
      case SET_ASIDE -> isSetAside(folder, port, problems);
    }
  }

  /** It votes, holds what was acknowledged, and takes more; twice, with a snapshot in between. */
  private static void serves(Path data, int port, int acked, List<String> problems)
      throws IOException, UnusableFolderException, Refused {
    int next = acked + 1;
    try (var one = OneReplica.open(data, port)) {
      one.begin();
      problems.addAll(one.problems(acked));
      // The one that was under way is told from a new one by its number.
      one.send(next);
      one.send(next + 1);
      one.snapshot();
    }
    try (var one = OneReplica.open(data, port)) {
      one.lead();
      one.problems(next + 1).forEach(how -> problems.add("once more: " + how));
    }
  }

  /** Under the incarnation that was given, and no other, and without a vote. */
  private static void joins(Path data, int port, List<String> problems)
      throws IOException, UnusableFolderException, Refused {
    try (var one = OneReplica.open(data, port)) {
      ReplicaScript.join(one, port);
      String peer = one.replica().status().peerId();
      if (!peer.endsWith(":" + ReplicaScript.GIVEN)) {
        problems.add("it runs as " + peer);
      }
      if (one.replica().leadership().isLeader()) {
        problems.add("it leads a group of others");
      }
    }
  }

  private static void isSetAside(Path folder, int port, List<String> problems)
      throws IOException, UnusableFolderException, Refused {
    Path data = ReplicaScript.data(folder);
    int acked = ReplicaScript.acked(folder);
    boolean emptied;
    try (var one = OneReplica.open(data, port)) {
      emptied =
          one.replica().membership().arrival().filter(all -> all.incarnation() == 0).isPresent();
      if (!emptied) {
        // Nothing had been said yet: it is what it was.
        one.lead();
        problems.addAll(one.problems(acked));
      }
    }
    if (!emptied) {
      ReplicaScript.setAside(data, port);
    }
    Path remains = newestRemains(data);
    joins(data, port, problems);
    serves(remains, port, acked, problems);
  }

  private static Path newestRemains(Path data) throws IOException {
    try (Stream<Path> all = Files.list(data)) {
      return all.filter(each -> each.getFileName().toString().startsWith("set-aside-"))
          .max(Comparator.comparing(Path::toString))
          .orElseThrow(() -> new IOException("nothing is set aside in " + data));
    }
  }
}
