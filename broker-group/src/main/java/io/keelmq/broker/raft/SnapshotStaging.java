package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotWriter;
import io.keelmq.broker.raft.SnapshotFile.Content;
import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.DiskFile;
import io.keelmq.raftlog.SegmentSummary;
import io.keelmq.raftlog.SegmentedLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder in which a downloaded snapshot comes together before it is published. Owned by the
 * download's thread.
 *
 * <p>Segments are not equal byte by byte on two replicas, and need not be: a sealed segment with
 * the same base index, last index and content checksum holds the same entries, and stands in for
 * the leader's with its own index file and checksums. Every file is read and compared before it
 * counts, those of this replica, too: one that has rotted is copied anew.
 */
final class SnapshotStaging {

  private static final Logger LOG = LoggerFactory.getLogger(SnapshotStaging.class);

  /** Left free for the log, term and vote. */
  private static final long RESERVE_BYTES = 64L << 20;

  private final LocalSnapshotWriter writer;
  private final Disk disk;
  private final Path folder;
  private final SnapshotCounters counters;
  private final BooleanSupplier stopped;

  /** What is still to come, by name. */
  private final Map<String, SnapshotFile> missing = new TreeMap<>();

  private int skipped;
  private int copied;
  private long copiedBytes;
  private long seedBytes;

  private SnapshotStaging(
      LocalSnapshotWriter writer, Disk disk, SnapshotCounters counters, BooleanSupplier stopped) {
    this.writer = writer;
    this.disk = disk;
    this.folder = Path.of(writer.getPath());
    this.counters = counters;
    this.stopped = stopped;
  }

  static SnapshotStaging open(
      GroupSnapshotStorage storage,
      SegmentedLog log,
      SnapshotCounters counters,
      BooleanSupplier stopped)
      throws IOException {
    var writer = (LocalSnapshotWriter) storage.create(false);
    if (writer == null) {
      // What an earlier try left cannot be read.
      writer = (LocalSnapshotWriter) storage.create(true);
    }
    if (writer == null) {
      throw new IOException("the folder for a snapshot cannot be made; the log tells why");
    }
    var staging = new SnapshotStaging(writer, storage.disk(), counters, stopped);
    Files.createDirectories(staging.folder.resolve(SnapshotFile.ROWS));
    Files.createDirectories(staging.folder.resolve(SnapshotFile.LOG));
    return staging;
  }

  /** Keeps what an earlier try has brought, as far as it belongs to this snapshot. */
  void keepWhatFits(SnapshotListing wanted) throws IOException {
    wanted.files().forEach(file -> missing.put(file.name(), file));
    SnapshotListing here = SnapshotListing.of(List.copyOf(writer.listFiles()), writer::getFileMeta);
    for (SnapshotFile file : here.files()) {
      writer.removeFile(file.name());
      if (!file.isSidecar()) {
        keepIfWanted(file, here);
      }
    }
    deleteUnlisted();
  }

  private void keepIfWanted(SnapshotFile file, SnapshotListing here) throws IOException {
    SnapshotFile wanted = missing.get(file.name());
    boolean asGood =
        wanted != null
            && (wanted.equals(file)
                || (wanted.content().isPresent() && wanted.content().equals(file.content())));
    if (!asGood) {
      return;
    }
    if (file.content().isEmpty()) {
      accept(List.of(file));
      return;
    }
    var sidecar = here.file(SnapshotFile.sidecarOf(file.name()));
    if (sidecar.isPresent() && accept(List.of(file, sidecar.get()))) {
      skipped++;
      counters.segmentsSkipped.increment();
    }
  }

  private void deleteUnlisted() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (writer.getFileMeta(folder.relativize(file).toString()) == null) {
          Files.delete(file);
        }
      }
    }
  }

  /** Links the segments of this replica that hold what is wanted. */
  void linkSegmentsOf(SegmentedLog log) throws IOException {
    Map<String, SegmentSummary> sealed =
        log.sealedSegments().stream()
            .collect(
                Collectors.toMap(s -> SnapshotFile.LOG + "/" + s.file().getFileName(), s -> s));
    for (SnapshotFile wanted : List.copyOf(missing.values())) {
      SegmentSummary own = sealed.get(wanted.name());
      if (own != null
          && wanted.content().isPresent()
          && wanted.content().get().equals(Content.of(own))) {
        link(wanted.name(), own);
      }
    }
  }

  /** Takes what an operator has laid here of what is still wanted. */
  void takeSeeds(SeedFolder seeds) throws IOException {
    for (SnapshotFile wanted : List.copyOf(missing.values())) {
      Optional<SegmentSummary> taken = seeds.take(wanted, path(wanted));
      if (taken.isPresent()) {
        filesOf(wanted.name(), taken.get()).forEach(this::count);
        skipped++;
        seedBytes += taken.get().bytes();
        counters.segmentsSkipped.increment();
      }
    }
  }

  private void link(String name, SegmentSummary own) throws IOException {
    String sidecar = SnapshotFile.sidecarOf(name);
    try {
      Files.createLink(folder.resolve(name), own.file());
      Files.createLink(folder.resolve(sidecar), own.sidecar());
    } catch (NoSuchFileException e) {
      // Retention has freed it since: it comes from the leader. A link to the one of two files must
      // not be left, or the copy would be written into it.
      Files.deleteIfExists(folder.resolve(name));
      Files.deleteIfExists(folder.resolve(sidecar));
      return;
    } catch (UnsupportedOperationException e) {
      throw new IOException("the file system of " + folder + " has no hard links", e);
    }
    if (accept(filesOf(name, own))) {
      skipped++;
      counters.segmentsSkipped.increment();
    }
  }

  private List<SnapshotFile> filesOf(String name, SegmentSummary segment) throws IOException {
    String sidecar = SnapshotFile.sidecarOf(name);
    Path index = folder.resolve(sidecar);
    long indexBytes = Files.size(index);
    return List.of(
        new SnapshotFile(
            name, segment.bytes(), segment.checksum(), Optional.of(Content.of(segment))),
        new SnapshotFile(
            sidecar,
            indexBytes,
            SnapshotFiles.checksum(index, indexBytes, stopped),
            Optional.empty()));
  }

  /** True if the files are sound, and so need not come any more; deletes them otherwise. */
  private boolean accept(List<SnapshotFile> files) throws IOException {
    try {
      for (SnapshotFile file : files) {
        SnapshotFiles.requireAsListed(path(file), file, stopped);
      }
    } catch (BadSnapshotException e) {
      LOG.warn("copying a file anew that is damaged here: {}", e.getMessage());
      for (SnapshotFile file : files) {
        Files.deleteIfExists(path(file));
      }
      return false;
    }
    files.forEach(this::count);
    return true;
  }

  private void count(SnapshotFile file) {
    writer.addFile(file.name(), file.listed());
    missing.remove(file.name());
  }

  /** What has to be copied, in a steady order. */
  List<SnapshotFile> missing() {
    return new ArrayList<>(missing.values());
  }

  /**
   * @throws IOException if what is missing does not fit on the disk
   */
  void requireRoom() throws IOException {
    long needed = missing.values().stream().mapToLong(SnapshotFile::bytes).sum();
    long free = Files.getFileStore(folder).getUsableSpace();
    if (needed + RESERVE_BYTES > free) {
      throw new IOException(
          "a snapshot needs %d bytes more and %d to spare in %s, where %d are free: free some"
              .formatted(needed, RESERVE_BYTES, folder, free));
    }
  }

  Path path(SnapshotFile file) {
    return folder.resolve(file.name());
  }

  /**
   * Takes a file that was copied.
   *
   * @throws BadSnapshotException if it is not what was listed; it is deleted, and only it
   */
  void add(SnapshotFile file) throws IOException {
    Path path = path(file);
    try (DiskFile written = disk.open(path)) {
      if (written.size() > file.bytes()) {
        // The segment that the snapshot ends in has grown at the leader since.
        written.truncate(file.bytes());
      }
      written.force(true);
    }
    copiedBytes += file.bytes();
    counters.bytesCopied.add(file.bytes());
    try {
      SnapshotFiles.requireAsListed(path, file, stopped);
    } catch (BadSnapshotException e) {
      Files.delete(path);
      throw e;
    }
    if (file.name().endsWith(".seg")) {
      copied++;
      counters.segmentsCopied.increment();
    }
    count(file);
  }

  /** Makes it the replica's snapshot, durably; the one before goes. */
  void publish(SnapshotMeta meta) throws IOException {
    if (!missing.isEmpty()) {
      throw new IllegalStateException("still missing: " + missing.keySet());
    }
    SnapshotFiles.forceFolders(disk, folder);
    writer.saveMeta(meta);
    writer.close(false);
  }

  /** Keeps what is there for the next try. */
  void leave() {
    try {
      writer.sync();
      writer.setError(RaftError.EINTERNAL, "not published");
      writer.close(true);
    } catch (IOException | IllegalStateException e) {
      LOG.debug("what was copied cannot be kept", e);
    }
  }

  int segmentsSkipped() {
    return skipped;
  }

  int segmentsCopied() {
    return copied;
  }

  long bytesOfSeeds() {
    return seedBytes;
  }

  long bytesCopied() {
    return copiedBytes;
  }
}
