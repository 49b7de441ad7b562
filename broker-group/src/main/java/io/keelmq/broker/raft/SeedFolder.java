package io.keelmq.broker.raft;

import io.keelmq.broker.raft.SnapshotFile.Content;
import io.keelmq.raftlog.SeedSegment;
import io.keelmq.raftlog.SegmentSummary;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder {@code seed} of a data folder: sealed segments that an operator laid there before a
 * new replica was started, copied from another replica's log or from a backup. When a snapshot is
 * brought in, those that hold what the leader's listing wants stand in for the leader's; what does
 * not verify, or is of another log, is passed over. It goes when a snapshot is here. Owned by the
 * download's thread.
 */
final class SeedFolder {

  static final String NAME = "seed";

  private static final Logger LOG = LoggerFactory.getLogger(SeedFolder.class);

  private final Path folder;
  private final SnapshotCounters counters;

  SeedFolder(Path dataFolder, SnapshotCounters counters) {
    this.folder = dataFolder.resolve(NAME);
    this.counters = counters;
  }

  /**
   * Links a segment to where it is wanted, if there is one that holds the same entries, and writes
   * its sidecar there. Reads every byte of it.
   *
   * @return what was taken; empty if nothing was, and then nothing was left
   */
  Optional<SegmentSummary> take(SnapshotFile wanted, Path target) throws IOException {
    Path seed = folder.resolve(target.getFileName());
    if (wanted.content().isEmpty() || !Files.isRegularFile(seed)) {
      return Optional.empty();
    }
    Path sidecar = target.resolveSibling(SnapshotFile.sidecarOf(target.getFileName().toString()));
    Files.deleteIfExists(target);
    // First the name, then the reading: what is read is what is used.
    Files.createLink(target, seed);
    String name = target.getFileName().toString();
    long base = Long.parseLong(name.substring(0, name.indexOf('.')));
    Optional<SegmentSummary> read = SeedSegment.take(target, sidecar, base);
    if (read.filter(found -> found.bytes() == wanted.bytes())
        .map(Content::of)
        .filter(wanted.content().get()::equals)
        .isPresent()) {
      counters.seedSegments.increment();
      counters.seedBytes.add(read.get().bytes());
      return read;
    }
    Files.deleteIfExists(target);
    Files.deleteIfExists(sidecar);
    counters.seedRefused.increment();
    LOG.warn(
        "a segment in the folder of seeds is not used, it {}, file={}",
        read.isPresent() ? "holds other entries than the leader's" : "is damaged",
        seed);
    return Optional.empty();
  }

  /** Deletes what is there: it was used, or is of no use. */
  void empty() {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.delete(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      LOG.warn(
          "the folder of seeds is not needed any more and cannot be deleted: {}", e.toString());
    }
  }
}
