package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotMetaTable;
import io.keelmq.raftlog.SegmentedLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a replica's folder says of the members of its group: the configurations in its log, and that
 * of its newest snapshot, which alone tells those before the log's logical beginning. Raft takes
 * the same ones when it starts. Immutable; what comes into the log later is not in it.
 */
final class StoredMembers {

  private static final Logger LOG = LoggerFactory.getLogger(StoredMembers.class);

  private static final Pattern PUBLISHED = Pattern.compile("snapshot_([0-9]{1,18})");

  private final Optional<StoredConfiguration> snapshot;

  /** In the order of the log. */
  private final List<StoredConfiguration> inLog;

  private StoredMembers(Optional<StoredConfiguration> snapshot, List<StoredConfiguration> inLog) {
    this.snapshot = snapshot;
    this.inLog = List.copyOf(inLog);
  }

  /**
   * @throws DamagedFolderException if the newest snapshot does not tell its members
   */
  static StoredMembers read(SegmentedLog log, Path snapshotFolder)
      throws IOException, UnusableFolderException {
    List<StoredConfiguration> inLog =
        log.configurations().mapToObj(index -> configuration(log, index)).toList();
    Optional<Path> newest = newest(snapshotFolder);
    return new StoredMembers(
        newest.isPresent() ? Optional.of(configuration(newest.get())) : Optional.empty(), inLog);
  }

  private static StoredConfiguration configuration(SegmentedLog log, long index) {
    ByteBuffer data = log.reader().read(index).orElseThrow().data();
    byte[] bytes = new byte[data.remaining()];
    data.duplicate().get(bytes);
    return StoredConfiguration.of(LogEntryV2CodecFactory.getInstance().decoder().decode(bytes));
  }

  /** The newest published snapshot, by its name; JRaft removes older ones when it starts. */
  private static Optional<Path> newest(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> PUBLISHED.matcher(file.getFileName().toString()).matches())
          .max((one, other) -> Long.compare(index(one), index(other)));
    }
  }

  private static long index(Path snapshot) {
    Matcher found = PUBLISHED.matcher(snapshot.getFileName().toString());
    return found.matches() ? Long.parseLong(found.group(1)) : 0;
  }

  private static StoredConfiguration configuration(Path snapshot)
      throws IOException, UnusableFolderException {
    Path file = snapshot.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE);
    var table = new LocalSnapshotMetaTable(new RaftOptions());
    boolean loads = loads(table, file);
    Optional<String> flaw = loads ? SnapshotSeal.flaw(snapshot) : Optional.of("it does not load");
    if (flaw.isPresent() || table.getMeta().getLastIncludedIndex() != index(snapshot)) {
      throw new DamagedFolderException(
          "the listing %s of a snapshot is missing, damaged or of another snapshot (%s): restore it, or empty the data folder and let the replica rejoin as a new incarnation"
              .formatted(file, flaw.orElse("its index is not that of the folder")));
    }
    return StoredConfiguration.of(table.getMeta());
  }

  /** JRaft throws upon some damage, and returns false upon other. */
  private static boolean loads(LocalSnapshotMetaTable table, Path file) {
    try {
      return Files.isRegularFile(file) && table.loadFromFile(file.toString()) && table.hasMeta();
    } catch (IOException | RuntimeException e) {
      LOG.warn("cannot read {}: {}", file, e.toString());
      return false;
    }
  }

  /** The last entry in the newest published snapshot; 0 if there is none. */
  long snapshotIndex() {
    return snapshot.map(StoredConfiguration::index).orElse(0L);
  }

  /** What Raft begins with: of log and snapshot the one that reaches further. */
  Optional<StoredConfiguration> last() {
    Optional<StoredConfiguration> lastInLog = inLog.stream().reduce((first, second) -> second);
    return Stream.of(snapshot, lastInLog)
        .flatMap(Optional::stream)
        .reduce((one, other) -> other.index() > one.index() ? other : one);
  }

  /** Whether this replica is in one of them; true too if there are none. */
  boolean mayBe(ReplicaIdentity identity) {
    return last().isEmpty()
        || Stream.concat(snapshot.stream(), inLog.stream()).anyMatch(each -> fits(each, identity));
  }

  /**
   * A replica that rejoins gets the log from its beginning on, or a snapshot, and may stop before
   * the entry that names it: then the others' addresses must be those it was told.
   */
  private static boolean fits(StoredConfiguration members, ReplicaIdentity identity) {
    if (members.names(identity.peerId())) {
      return true;
    }
    var addresses = members.all().map(PeerId::getEndpoint).toList();
    return identity.wasGiven()
        && identity.plan().members().stream()
            .anyMatch(member -> addresses.contains(ReplicaIdentity.peerId(member).getEndpoint()));
  }
}
