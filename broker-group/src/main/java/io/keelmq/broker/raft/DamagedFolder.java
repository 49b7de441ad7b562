package io.keelmq.broker.raft;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A data folder that is damaged and not in use, held so that nobody else takes it: whose it is, and
 * the way to an empty one. For one thread.
 *
 * <p>What is set aside is not deleted. An identity stays, which says of which cluster the folder
 * is, and that its incarnation must not come again.
 */
public final class DamagedFolder implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(DamagedFolder.class);

  /**
   * Whose the folder is.
   *
   * @param alone it was made for a group of one, which has nobody to come back from
   */
  public record Owner(String clusterId, String brokerGroup, String node, boolean alone) {
    private static Owner of(ReplicaIdentity identity) {
      return new Owner(
          identity.plan().clusterId(),
          identity.plan().brokerGroup(),
          identity.node(),
          identity.plan().members().size() == 1);
    }
  }

  private final Path folder;
  private final FolderLock lock;
  private final ReplicaIdentity identity;

  private DamagedFolder(Path folder, FolderLock lock, ReplicaIdentity identity) {
    this.folder = folder;
    this.lock = lock;
    this.identity = identity;
  }

  /**
   * @throws UnusableFolderException if it is in use, or nothing says that it is this replica's
   */
  public static DamagedFolder take(RaftReplicaOptions options)
      throws IOException, UnusableFolderException {
    FolderLock lock = FolderLock.take(options.dataFolder());
    boolean taken = false;
    try {
      var found = new DamagedFolder(options.dataFolder(), lock, identity(options));
      taken = true;
      return found;
    } finally {
      if (!taken) {
        lock.close();
      }
    }
  }

  /** As {@link #owner}, of a folder that may be in use. */
  public static Owner ownerOf(RaftReplicaOptions options)
      throws IOException, UnusableFolderException {
    return Owner.of(identity(options));
  }

  /** By its copy, if that alone is left. */
  private static ReplicaIdentity identity(RaftReplicaOptions options)
      throws IOException, UnusableFolderException {
    Path folder = options.dataFolder();
    Optional<ReplicaIdentity> found;
    try {
      found = new IdentityFile(folder).read();
    } catch (DamagedFolderException e) {
      LOG.warn("{}; its copy is looked at", e.getMessage());
      found = Optional.empty();
    }
    if (found.isEmpty()) {
      found = IdentityFile.copyIn(folder).read();
    }
    ReplicaIdentity identity =
        found.orElseThrow(
            () ->
                new DamagedFolderException(
                    "neither %s nor its copy in %s says whose the folder is: restore one of them, or empty the folder and let the replica rejoin as a new incarnation"
                        .formatted(IdentityFile.NAME, folder)));
    ReplicaFolder.requireAsConfigured(identity, options);
    return identity;
  }

  public Owner owner() {
    return Owner.of(identity);
  }

  public int incarnation() {
    return identity.self().incarnation();
  }

  /**
   * Moves what is there out of the way, durably. A crash in the middle is ended by the next start.
   *
   * @return where it is now
   */
  public Path setAside() throws IOException {
    return new SetAside(folder).moveAll(identity);
  }

  @Override
  public void close() throws IOException {
    lock.close();
  }
}
