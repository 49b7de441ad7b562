package io.keelmq.broker.raft;

import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.broker.state.Applied;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.raftlog.CorruptLogException;
import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.LostEntriesException;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A replica's data folder, opened and found fit for use: {@code identity}, {@code log/}, {@code
 * store/}, {@code raft-meta/}, with term and vote, and {@code snapshot/}; {@code inherited} ({@link
 * InheritedRows}); {@code reserve}, which holds nothing ({@link ReserveFile}); and for a new
 * replica {@code seed/} ({@link SeedFolder}).
 *
 * <p>What it refuses would let a replica vote or acknowledge on the strength of data it no longer
 * has.
 */
final class ReplicaFolder {

  private static final Logger LOG = LoggerFactory.getLogger(ReplicaFolder.class);

  static final String LOG_FOLDER = "log";
  private static final String STORE_FOLDER = "store";
  static final String META_FOLDER = "raft-meta";
  private static final String MUST_NOT_VOTE =
      "it must not vote, because it may have acknowledged what it no longer has";
  static final String SNAPSHOT_FOLDER = "snapshot";
  private static final String REJOIN =
      MUST_NOT_VOTE + ": empty the folder and let the replica rejoin as a new incarnation";
  private static final String ALONE =
      ": restore the folder; its group has no other member that it could come back from";

  private final Path folder;
  private final FolderLock lock;
  private final IdentityFile identityFile;

  /** Written by whoever holds the replica's stage lock. */
  private volatile Optional<ReplicaIdentity> identity;

  private RocksTables store;
  private BrokerState state;
  private SegmentedLog log;
  private StoredMembers members;
  private RowProof rowProof;

  private ReplicaFolder(Path folder, FolderLock lock) {
    this.folder = folder;
    this.lock = lock;
    this.identityFile = new IdentityFile(folder);
  }

  /**
   * @param onDamage told of damage that is met later on
   * @throws DamagedFolderException if it is damaged, or has lost what a member must not forget;
   *     nothing has been changed
   * @throws CorruptLogException if the log is
   * @throws UnusableFolderException if going on would risk acknowledged messages
   */
  static ReplicaFolder open(RaftReplicaOptions options, Consumer<Throwable> onDamage)
      throws IOException, UnusableFolderException {
    // A link to a folder is a folder, but createDirectories of Java 17 refuses it.
    if (!Files.isDirectory(options.dataFolder())) {
      Files.createDirectories(options.dataFolder());
    }
    var opened = new ReplicaFolder(options.dataFolder(), FolderLock.take(options.dataFolder()));
    boolean fit = false;
    try {
      opened.forceNames(options.disk());
      opened.identity = opened.identityFile.read();
      if (opened.identity.isPresent()) {
        requireAsConfigured(opened.identity.get(), options);
      }
      opened.openFiles(options, onDamage);
      opened.keepCopyOfIdentity();
      fit = true;
      return opened;
    } finally {
      if (!fit) {
        opened.close();
      }
    }
  }

  /** Behind a killed process what is found may have its name in the page cache only. */
  private void forceNames(Disk disk) throws IOException {
    disk.forceDirectory(folder);
    if (Files.isDirectory(metaFolder())) {
      disk.forceDirectory(metaFolder());
    }
  }

  /**
   * @throws UnusableFolderException if the folder is of another node, group, or address
   */
  static void requireAsConfigured(ReplicaIdentity found, RaftReplicaOptions options)
      throws UnusableFolderException {
    Path folder = options.dataFolder();
    if (!found.node().equals(options.node())) {
      throw new UnusableFolderException(
          "data folder %s belongs to node %s, this is node %s: set data.dir or node"
              .formatted(folder, found.node(), options.node()));
    }
    Optional<String> flaw =
        ReplicaIdentity.flaw(
            found.plan(), options.node(), options.brokerGroup(), options.raftAdvertised());
    if (flaw.isPresent()) {
      throw new UnusableFolderException("data folder %s: %s".formatted(folder, flaw.get()));
    }
  }

  private void openFiles(RaftReplicaOptions options, Consumer<Throwable> onDamage)
      throws IOException, UnusableFolderException {
    if (identity.isPresent() && identity.get().stage() == Stage.EMPTYING) {
      new SetAside(folder).finish(identity.get());
      identity = identityFile.read();
    }
    try {
      requireFilesOfStage(options);
      openLogAndStore(options, onDamage);
    } catch (LostMemoryException e) {
      if (identity.orElseThrow().plan().members().size() == 1) {
        throw new LostMemoryException(e.getMessage() + ALONE);
      }
      throw e;
    }
  }

  /** Folders of earlier versions have none. It can be done without: a later start tries again. */
  private void keepCopyOfIdentity() {
    try {
      if (identity.isPresent() && !identity.equals(copyOfIdentity())) {
        IdentityFile.copyIn(folder).write(identity.get());
      }
    } catch (IOException e) {
      LOG.warn("no copy of the identity could be written", e);
    }
  }

  /** Empty also if it cannot be used. */
  private Optional<ReplicaIdentity> copyOfIdentity() throws IOException {
    try {
      return IdentityFile.copyIn(folder).read();
    } catch (UnusableFolderException e) {
      LOG.warn("{}", e.getMessage());
      return Optional.empty();
    }
  }

  private void requireFilesOfStage(RaftReplicaOptions options)
      throws IOException, UnusableFolderException {
    // A log whose entries are on their way into it from a snapshot is not lost.
    boolean hasLog =
        hasSegments()
            || (Files.isDirectory(folder.resolve(LOG_FOLDER))
                && SegmentedLog.awaitsAdoption(folder.resolve(LOG_FOLDER), options.disk()));
    boolean hasMeta = hasMeta();
    if (identity.isEmpty() && (hasLog || hasMeta)) {
      throw new DamagedFolderException(
          "data folder %s holds a log or votes, but no file \"%s\" says whose: restore that file; if it is lost, %s"
              .formatted(folder, IdentityFile.NAME, REJOIN));
    }
    if (identity.isEmpty()) {
      return;
    }
    if (identity.get().stage() == Stage.REPLACED) {
      throw new LostMemoryException(
          "replica %s of cluster %s was replaced in its group by a later incarnation"
              .formatted(identity.get().peerId(), identity.get().plan().clusterId()));
    }
    boolean joined = identity.get().hasJoined();
    // The term is stored before the first entry: a log without it has lost it, in any stage.
    if ((joined && !hasLog) || ((joined || hasLog) && !hasMeta)) {
      throw new LostMemoryException(
          "replica %s of cluster %s has been a member and lost its %s (%s): %s"
              .formatted(
                  identity.get().node(),
                  identity.get().plan().clusterId(),
                  hasLog ? "term and vote" : "log",
                  hasLog ? metaFolder() : folder.resolve(LOG_FOLDER),
                  MUST_NOT_VOTE));
    }
  }

  private boolean hasSegments() throws IOException {
    Path segments = folder.resolve(LOG_FOLDER);
    if (!Files.isDirectory(segments)) {
      return false;
    }
    try (DirectoryStream<Path> found = Files.newDirectoryStream(segments, "*.seg")) {
      return found.iterator().hasNext();
    }
  }

  boolean hasMeta() throws IOException {
    return new VoteFile(metaFolder()).exists();
  }

  private void openLogAndStore(RaftReplicaOptions options, Consumer<Throwable> onDamage)
      throws IOException, UnusableFolderException {
    openStore(onDamage);
    requireSupportedLevel(options);
    // Nothing of the open batch yet: what it holds now has survived.
    Applied durable = state.applied();
    log = openLog(options, durable, onDamage);
    if (identity.isPresent() && identity.get().hasJoined() && log.last() == 0) {
      throw new LostMemoryException(
          "replica %s has been a member and its log is empty: %s"
              .formatted(identity.get().node(), MUST_NOT_VOTE));
    }
    if (hasMeta()) {
      new VoteFile(metaFolder()).requireSound(log.term(log.last()).orElse(0));
    }
    members = StoredMembers.read(log, snapshotFolder());
    requireIdentityOfMembers();
    requireHardLinks();
    requireSnapshotOfLog();
    requireStoreOfLog(durable, onDamage);
    // Last: it may be written, and a folder that is refused stays as it is.
    InheritedRows inherited = InheritedRows.open(folder, durable.index(), options.disk());
    rowProof = new RowProof(inherited, new RowSums(store, options.node(), options.nanos()));
  }

  private void requireSupportedLevel(RaftReplicaOptions options) throws UnusableFolderException {
    if (!options.version().levels().covers(state.features().level())) {
      throw new UnusableFolderException(
          UnsupportedLevelException.message(
              options.version(), state.features(), "data folder " + folder));
    }
  }

  /** Without them no snapshot could be taken, or brought in; better told now than then. */
  private void requireHardLinks() throws IOException, UnusableFolderException {
    Files.createDirectories(snapshotFolder());
    Path probe = snapshotFolder().resolve("link.probe");
    Path linked = folder.resolve(LOG_FOLDER).resolve("link.tmp");
    Files.deleteIfExists(linked);
    Files.deleteIfExists(probe);
    Files.createFile(probe);
    try {
      Files.createLink(linked, probe);
    } catch (IOException | UnsupportedOperationException e) {
      throw new UnusableFolderException(
          "files of %s cannot be hard-linked to %s (%s): log and snapshots must lie on one file system that has hard links"
              .formatted(snapshotFolder(), folder.resolve(LOG_FOLDER), e));
    } finally {
      Files.deleteIfExists(linked);
      Files.deleteIfExists(probe);
    }
  }

  /** What is before the log's logical beginning only the snapshot can tell. */
  private void requireSnapshotOfLog() throws LostMemoryException {
    long needed = log.logicalFirst() - 1;
    long snapshot = members.snapshotIndex();
    if (needed > 0 && snapshot < needed) {
      throw new LostMemoryException(
          "the log in %s begins after entry %d, expected a snapshot of that or a later entry in %s, found %s: %s"
              .formatted(
                  folder.resolve(LOG_FOLDER),
                  needed,
                  snapshotFolder(),
                  snapshot > 0 ? "one of entry " + snapshot : "none",
                  MUST_NOT_VOTE));
    }
  }

  private SegmentedLog openLog(
      RaftReplicaOptions options, Applied durable, Consumer<Throwable> onDamage)
      throws LostMemoryException {
    try {
      return SegmentedLog.open(
          new SegmentedLogOptions(
              folder.resolve(LOG_FOLDER),
              options.segmentBytes(),
              options.sync(),
              durable.index(),
              onDamage::accept,
              options.nanos(),
              new SecureRandom()::nextLong),
          options.disk());
    } catch (LostEntriesException e) {
      if (identity.isEmpty()) {
        throw e;
      }
      throw new LostMemoryException(e.getMessage());
    }
  }

  /** Under another name than the group's a replica would wait for ever for it to be known. */
  private void requireIdentityOfMembers() throws UnusableFolderException {
    if (identity.isPresent() && !members.mayBe(identity.get())) {
      throw new UnusableFolderException(
          "%s names this replica %s of cluster %s, but the members in its log are %s: the identity and the log are of different clusters or incarnations; restore the one that was replaced"
              .formatted(
                  folder.resolve(IdentityFile.NAME),
                  identity.get().peerId(),
                  identity.get().plan().clusterId(),
                  members.last().orElseThrow().voters()));
    }
  }

  /** What the folder said of the members when it was opened. */
  StoredMembers members() {
    return members;
  }

  private void openStore(Consumer<Throwable> onDamage) {
    store = RocksTables.open(folder.resolve(STORE_FOLDER));
    store.onDamage(onDamage::accept);
    state = new BrokerState(store);
  }

  /**
   * Rows of another log would make its entries look applied: they are made anew, from the snapshot
   * if there is one and else from this log.
   */
  private void requireStoreOfLog(Applied durable, Consumer<Throwable> onDamage)
      throws UnusableFolderException {
    if (durable.index() == 0) {
      return;
    }
    long term = log.term(durable.index()).orElse(-1);
    if (term == durable.term()) {
      return;
    }
    if (log.physicalFirst() > 1 && members.snapshotIndex() == 0) {
      throw new LostMemoryException(
          "data folder %s: the rows come from entry %d of term %d, the log has term %d there and begins at %d, so they cannot be made anew: %s"
              .formatted(
                  folder,
                  durable.index(),
                  durable.term(),
                  term,
                  log.physicalFirst(),
                  MUST_NOT_VOTE));
    }
    LOG.warn(
        "the rows do not fit the log and are made anew, snapshot={} index={} term_of_rows={}"
            + " term_in_log={}",
        members.snapshotIndex(),
        durable.index(),
        durable.term(),
        term);
    store.close();
    RocksTables.discard(folder.resolve(STORE_FOLDER));
    openStore(onDamage);
  }

  Optional<ReplicaIdentity> identity() {
    return identity;
  }

  /** Returns when it is on disk, and with it the names of the folders here. */
  void write(ReplicaIdentity next) throws IOException {
    // A vote is synced with its name in its folder, and not with the name of that folder in ours: a
    // power loss could take back a vote with the whole folder. The identity's own sync covers it.
    Files.createDirectories(metaFolder());
    identityFile.write(next);
    identity = Optional.of(next);
    keepCopyOfIdentity();
  }

  /** From its first entry on a replica must never again start without its log. */
  void noteJoined(Object stageLock) throws IOException, InterruptedException {
    Stage stage = identity.orElseThrow().stage();
    if ((stage == Stage.STARTED || stage == Stage.REJOINING)
        && log.last() >= 1
        && hasMeta()
        && log.awaitDurable(1, Duration.ZERO)) {
      synchronized (stageLock) {
        write(identity.orElseThrow().joined());
      }
    }
  }

  Path metaFolder() {
    return folder.resolve(META_FOLDER);
  }

  Path snapshotFolder() {
    return folder.resolve(SNAPSHOT_FOLDER);
  }

  RocksTables store() {
    return store;
  }

  BrokerState state() {
    return state;
  }

  SegmentedLog log() {
    return log;
  }

  RowProof rowProof() {
    return rowProof;
  }

  /** Closes what is open; what the store has not flushed comes back from the log. */
  void close() throws IOException {
    try {
      closeLogAndStore();
    } finally {
      lock.close();
    }
  }

  private void closeLogAndStore() throws IOException {
    if (rowProof != null) {
      rowProof.rowSums().stop();
    }
    if (store != null) {
      store.close();
      store = null;
    }
    if (log != null) {
      log.close();
      log = null;
    }
  }
}
