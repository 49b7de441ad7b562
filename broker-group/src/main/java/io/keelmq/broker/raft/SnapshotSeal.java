package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.failpoint.Publication;
import io.keelmq.raftlog.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The file {@code listing.crc} of a published snapshot: the checksum of JRaft's listing, which has
 * none of its own and tells the members of the group and the checksums of all other files. Written
 * when the snapshot is published; one without it, of an earlier version or because of a crash just
 * then, is taken as it is. Stateless.
 */
final class SnapshotSeal {

  static final String NAME = "listing.crc";

  private static final Publication STEPS =
      new Publication(
          Failpoint.SNAPSHOT_SEAL_WRITTEN,
          Failpoint.SNAPSHOT_SEAL_FORCED,
          Failpoint.SNAPSHOT_SEAL_RENAMED,
          Failpoint.SNAPSHOT_SEALED);

  private SnapshotSeal() {}

  /** Returns when it is on disk. */
  static void write(Disk disk, Path snapshot) throws IOException {
    text(snapshot).write(disk, List.of(checksum(snapshot)));
  }

  /**
   * @return what is wrong with the listing; empty if nothing is, or nothing is known
   * @throws UnusableFolderException if the seal is of a newer format
   */
  static Optional<String> flaw(Path snapshot) throws IOException, UnusableFolderException {
    try {
      Optional<List<String>> sealed = text(snapshot).read();
      return sealed.isEmpty() || sealed.get().equals(List.of(checksum(snapshot)))
          ? Optional.empty()
          : Optional.of("expected %s, found %s".formatted(sealed.get(), checksum(snapshot)));
    } catch (ChecksummedText.Flawed e) {
      return Optional.of(NAME + ": " + e.getMessage());
    }
  }

  private static ChecksummedText text(Path snapshot) {
    return new ChecksummedText(snapshot.resolve(NAME), "keelmq-snapshot-listing", "1", STEPS);
  }

  private static String checksum(Path snapshot) throws IOException {
    Path listing = snapshot.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE);
    long bytes = Files.size(listing);
    return "listing %08x".formatted(SnapshotFiles.checksum(listing, bytes, () -> false));
  }
}
