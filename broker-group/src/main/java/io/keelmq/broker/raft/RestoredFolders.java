package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotMetaTable;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.Members;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.common.BackupManifest;
import io.keelmq.common.BackupRestorer;
import io.keelmq.common.DamagedBackupException;
import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.RealDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Makes data folders of a new cluster out of a backup: each holds an identity of the new cluster, a
 * term, and the backup as a published snapshot. What a broker does with a snapshot that it was sent
 * it does with this one when it starts: it checks every file, takes over log and rows, and its
 * group elects.
 *
 * <p>Two things of the old cluster are left behind: who its members were, in Raft's configuration
 * and in the rows, and its id. Stateless.
 */
public final class RestoredFolders implements BackupRestorer {

  private static final String WORK = "restoring.tmp";
  private static final Disk DISK = new RealDisk();

  @Override
  public void restore(Path backup, Path target, String clusterId, List<Member> members)
      throws IOException {
    BackupManifest manifest = BackupManifest.read(backup);
    List<String> flaws = manifest.flaws(backup);
    if (!flaws.isEmpty()) {
      throw new DamagedBackupException(
          "%s is damaged in %d places, first: %s".formatted(backup, flaws.size(), flaws.get(0)));
    }
    var plan = new Plan(clusterId, manifest.brokerGroup(), incarnations(members));
    for (Member member : members) {
      ReplicaIdentity.flawOfNew(plan, member.node(), manifest.brokerGroup(), member.raftAddress())
          .ifPresent(
              flaw -> {
                throw new IllegalArgumentException(flaw);
              });
    }
    requireEmpty(target);
    Files.createDirectories(target);
    Path work = target.resolve(WORK);
    try {
      Path rows = work.resolve("rows");
      withoutMembers(backup.resolve(SnapshotFile.ROWS), work, rows);
      for (Member member : members) {
        write(manifest, backup, rows, plan, member.node(), target.resolve(member.node()));
      }
    } finally {
      delete(work);
    }
    DISK.forceDirectory(target);
  }

  private static List<ReplicaControl.Member> incarnations(List<Member> members) {
    var random = new SecureRandom();
    var given = new HashSet<Integer>();
    var all = new ArrayList<ReplicaControl.Member>();
    for (Member member : members) {
      int incarnation;
      do {
        // As `cluster init` does: far from the end, because later ones count up.
        incarnation = ReplicaIdentity.LEAST_INCARNATION + random.nextInt(1_000_000_000);
      } while (!given.add(incarnation));
      all.add(
          new ReplicaControl.Member(
              member.node(), member.raftAddress(), incarnation, member.clientAddress()));
    }
    all.sort((one, other) -> one.node().compareTo(other.node()));
    return all;
  }

  private static void requireEmpty(Path target) throws IOException {
    if (!Files.exists(target)) {
      return;
    }
    try (Stream<Path> there = Files.list(target)) {
      Optional<Path> first = there.findFirst();
      if (first.isPresent()) {
        throw new IllegalArgumentException(
            target
                + " is not empty, it has "
                + first.get().getFileName()
                + ": name another folder");
      }
    }
  }

  /**
   * The rows of the backup but for those of the old cluster's members, in the folder {@code to}.
   */
  private static void withoutMembers(Path from, Path work, Path to) throws IOException {
    Path copy = Files.createDirectories(work.resolve("copy"));
    copyFiles(from, copy);
    try (RocksTables tables = RocksTables.open(work.resolve("store"))) {
      tables.restore(copy);
      Members.forgetAll(tables);
      tables.commit();
      tables.checkpoint(to);
    }
  }

  private static void write(
      BackupManifest manifest, Path backup, Path rows, Plan plan, String node, Path folder)
      throws IOException {
    Path snapshot =
        folder
            .resolve(ReplicaFolder.SNAPSHOT_FOLDER)
            .resolve(Snapshot.JRAFT_SNAPSHOT_PREFIX + manifest.index());
    Files.createDirectories(snapshot.resolve(SnapshotFile.LOG));
    var table = new LocalSnapshotMetaTable(new RaftOptions());
    for (BackupManifest.Entry file : manifest.files()) {
      if (file.name().startsWith(SnapshotFile.LOG + "/")) {
        Path copied = snapshot.resolve(file.name());
        Files.copy(backup.resolve(file.name()), copied);
        SnapshotFiles.force(DISK, copied);
        add(table, listed(file));
      }
    }
    copyFiles(rows, Files.createDirectories(snapshot.resolve(SnapshotFile.ROWS)));
    try (Stream<Path> files = Files.list(snapshot.resolve(SnapshotFile.ROWS))) {
      for (Path file : files.toList()) {
        add(table, whole(snapshot, file));
      }
    }
    about(manifest, backup, plan).write(DISK, snapshot.resolve(SnapshotFile.ABOUT));
    add(table, whole(snapshot, snapshot.resolve(SnapshotFile.ABOUT)));
    table.setMeta(meta(manifest, plan));
    Path listing = snapshot.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE);
    if (!table.saveToFile(listing.toString())) {
      throw new IOException("the listing " + listing + " cannot be written");
    }
    SnapshotFiles.force(DISK, listing);
    SnapshotFiles.forceFolders(DISK, snapshot);
    DISK.forceDirectory(snapshot.getParent());
    // A term below the log's would be taken for a lost one.
    Path votes = Files.createDirectories(folder.resolve(ReplicaFolder.META_FOLDER));
    new VoteFile(votes).write(new VoteFile.Vote(manifest.term(), VoteFile.Vote.NONE.votedFor()));
    // Last: without it the folder is refused. Rejoining, so that a replica whose snapshot is lost
    // before its first start knows no members, instead of making an empty group of the plan's.
    new IdentityFile(folder).write(new ReplicaIdentity(plan, node, Stage.REJOINING));
  }

  private static SnapshotAbout about(BackupManifest manifest, Path backup, Plan plan)
      throws IOException {
    SnapshotAbout old = SnapshotAbout.read(backup.resolve(SnapshotFile.ABOUT));
    if (old.index() != manifest.index() || !old.group().equals(manifest.brokerGroup())) {
      throw new DamagedBackupException(
          "the manifest of %s is of group %s up to entry %d, its snapshot of group %s up to %d"
              .formatted(
                  backup, manifest.brokerGroup(), manifest.index(), old.group(), old.index()));
    }
    UnsupportedLevelException.require(
        new ReplicaVersion("of this tool", LevelRange.OF_THIS_VERSION),
        old.features(),
        "the backup " + backup);
    return new SnapshotAbout(
        plan.clusterId(), old.group(), old.index(), old.applied(), old.features());
  }

  private static SnapshotMeta meta(BackupManifest manifest, Plan plan) {
    var meta =
        SnapshotMeta.newBuilder()
            .setLastIncludedIndex(manifest.index())
            .setLastIncludedTerm(manifest.term());
    plan.members().forEach(member -> meta.addPeers(ReplicaIdentity.peerId(member).toString()));
    return meta.build();
  }

  private static SnapshotFile listed(BackupManifest.Entry file) {
    return new SnapshotFile(
        file.name(),
        file.bytes(),
        file.checksum(),
        file.content().map(held -> new SnapshotFile.Content(held.lastIndex(), held.checksum())));
  }

  private static SnapshotFile whole(Path snapshot, Path file) throws IOException {
    SnapshotFiles.force(DISK, file);
    return new SnapshotFile(
        snapshot.relativize(file).toString(),
        Files.size(file),
        BackupManifest.checksumOf(file),
        Optional.empty());
  }

  private static void add(LocalSnapshotMetaTable table, SnapshotFile file) throws IOException {
    if (!table.addFile(file.name(), file.listed())) {
      throw new IOException("file " + file.name() + " is listed twice");
    }
  }

  private static void copyFiles(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted((one, other) -> other.compareTo(one)).toList()) {
        Files.delete(file);
      }
    }
  }
}
