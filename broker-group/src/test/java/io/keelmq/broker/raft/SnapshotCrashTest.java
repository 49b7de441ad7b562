package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import io.keelmq.broker.raft.PowerCutFolder.Image;
import io.keelmq.raftlog.RealDisk;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a power loss at any moment while a snapshot is made, published or brought in leaves the one
 * before or the new one, whole, and a log that begins no later than behind it. Method: {@link
 * PowerCutFolder} keeps what may be left before and after each call to the disk; each of these is
 * opened as a start does. Repeat with {@code -Dseed=}.
 */
class SnapshotCrashTest {

  private static final Set<String> WATCHED =
      Set.of(ReplicaFolder.SNAPSHOT_FOLDER, ReplicaFolder.LOG_FOLDER);

  private final long seed = Long.getLong("seed", 2026);

  @TempDir Path folder;

  private PowerCutFolder watched(SnapshotCluster cluster, String node) {
    var watched = new PowerCutFolder(cluster.group.dataFolder(node), WATCHED, new Random(seed));
    cluster.group.set(
        node, options -> SnapshotCluster.smallSegments(options).withDisk(watched.disk()));
    return watched;
  }

  /** What a replica that takes three snapshots may leave. */
  private List<Image> ofThreeSnapshots(BiPredicate<String, Path> lies) throws Exception {
    try (var cluster = new SnapshotCluster(folder.resolve("group"), 1)) {
      var watched = watched(cluster, "n1").lyingAbout(lies);
      cluster.begin();
      for (int i = 0; i < 3; i++) {
        cluster.send(15);
        watched.record(true);
        watched.promised(SnapshotCluster.snapshot(cluster.group.leader()).index());
        watched.record(false);
      }
      return watched.images();
    }
  }

  /** What is found, and what is wrong with it. */
  private record Found(long index, Optional<String> problem) {}

  private Found open(Image image) {
    try {
      Path opened = Files.createTempDirectory(folder, "image");
      image.writeTo(opened);
      return open(image, opened);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Found open(Image image, Path opened) throws IOException {
    var storage =
        new GroupSnapshotStorage(
            opened.resolve(ReplicaFolder.SNAPSHOT_FOLDER),
            RaftOptionsFactory.node(ReplicaCluster.ELECTION_TIMEOUT).getRaftOptions(),
            null,
            new RealDisk(),
            new SnapshotCounters(),
            System::nanoTime,
            "n1");
    assertTrue(storage.init(null));
    long index = storage.getLastSnapshotIndex();
    try {
      if (index > 0) {
        try (SnapshotReader reader = storage.open()) {
          requireWhole(reader, index);
        }
      }
      if (index < image.promise()) {
        throw new IOException("entry %d was promised".formatted(image.promise()));
      }
      requireLog(opened, index);
      return new Found(index, Optional.empty());
    } catch (IOException | RuntimeException | UnusableFolderException e) {
      return new Found(
          index, Optional.of("%s: the snapshot at %d: %s".formatted(image.call(), index, e)));
    }
  }

  private static void requireWhole(SnapshotReader reader, long index)
      throws IOException, UnusableFolderException {
    if (reader == null || reader.load().getLastIncludedIndex() != index) {
      throw new IOException("its listing cannot be read, or is of another one");
    }
    Path path = Path.of(reader.getPath());
    Optional<String> flaw = SnapshotSeal.flaw(path);
    if (flaw.isPresent()) {
      throw new IOException(flaw.get());
    }
    for (SnapshotFile file : SnapshotListing.of(reader).requireWhole().files()) {
      SnapshotFiles.requireAsListed(path.resolve(file.name()), file, () -> false);
    }
    if (SnapshotAbout.read(path.resolve(SnapshotFile.ABOUT)).index() != index) {
      throw new IOException("it is about another one");
    }
  }

  /** The log goes on from the snapshot, if need be by taking it over. */
  private static void requireLog(Path opened, long index) throws IOException {
    var options =
        SegmentedLogOptions.in(opened.resolve(ReplicaFolder.LOG_FOLDER))
            .withSegmentBytes(SegmentedLogOptions.LEAST_SEGMENT_BYTES);
    try (var log = SegmentedLog.open(options, new RealDisk())) {
      if (log.awaitsAdoption() && log.last() != index) {
        throw new IOException("the log waits for a snapshot at " + log.last());
      }
      if (log.awaitsAdoption() || log.last() < index) {
        log.adopt(
            opened
                .resolve(ReplicaFolder.SNAPSHOT_FOLDER)
                .resolve("snapshot_" + index)
                .resolve(SnapshotFile.LOG),
            index);
      }
      OptionalLong held = log.term(log.logicalFirst());
      if (log.logicalFirst() > index + 1 || (log.logicalFirst() <= log.last() && held.isEmpty())) {
        throw new IOException(
            "the log begins at %d and holds entries %d to %d"
                .formatted(log.logicalFirst(), log.physicalFirst(), log.last()));
      }
    }
  }

  private static List<String> problems(List<Found> found) {
    return found.stream().map(Found::problem).flatMap(Optional::stream).toList();
  }

  @Test
  void publishesAWholeSnapshotOrNone() throws Exception {
    List<Image> images = ofThreeSnapshots((call, path) -> false);

    List<Found> found = images.stream().map(this::open).toList();

    assertEquals(List.of(), problems(found), () -> "seed " + seed);
    // None, and each of the three.
    assertEquals(4, found.stream().map(Found::index).distinct().count());
    assertTrue(images.size() > 200, () -> images.size() + " images only");
    System.out.println("SnapshotCrashTest: " + images.size() + " images of publishing");
  }

  @Test
  void bringsInAWholeSnapshotOrNone() throws Exception {
    List<Image> images;
    try (var cluster = new SnapshotCluster(folder.resolve("group"), 3)) {
      var watched = watched(cluster, "n3");
      cluster.begin();
      cluster.send(20);
      cluster.awaitApplied(cluster.group.replica("n3"));
      watched.promised(SnapshotCluster.snapshot(cluster.group.replica("n3")).index());
      cluster.group.close("n3");
      cluster.send(20);
      for (var replica : cluster.group.replicas()) {
        cluster.awaitApplied(replica);
        cluster.snapshotTwice(replica);
      }
      watched.record(true);
      var back = cluster.group.open("n3");
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> back.snapshotStats().installs().getAsLong() > 0);
      watched.record(false);
      images = watched.images();
    }

    List<Found> found = images.stream().map(this::open).toList();

    assertEquals(List.of(), problems(found), () -> "seed " + seed);
    assertEquals(2, found.stream().map(Found::index).distinct().count());
    System.out.println("SnapshotCrashTest: " + images.size() + " images of bringing in");
  }

  @Test
  void noticesAPublishedNameThatIsNotForced() throws Exception {
    assertNoticed(
        "forceDirectory", path -> path.endsWith(ReplicaFolder.SNAPSHOT_FOLDER), "was promised");
  }

  @Test
  void noticesFilesThatAreNotForced() throws Exception {
    assertNoticed("force", path -> path.toString().contains("/db/"), "bytes, expected");
  }

  @Test
  void noticesAListingThatIsNotForced() throws Exception {
    assertNoticed(
        "force", path -> path.endsWith(Snapshot.JRAFT_SNAPSHOT_META_FILE), "the snapshot at");
  }

  @Test
  void noticesAFolderInsideThatIsNotForced() throws Exception {
    assertNoticed("forceDirectory", path -> path.endsWith(SnapshotFile.ROWS), "the snapshot at");
  }

  private void assertNoticed(String call, Predicate<Path> lies, String problem) throws Exception {
    List<Image> images = ofThreeSnapshots((called, path) -> called.equals(call) && lies.test(path));

    assertTrue(
        images.stream()
            .map(this::open)
            .map(Found::problem)
            .flatMap(Optional::stream)
            .anyMatch(found -> found.contains(problem)));
  }
}
