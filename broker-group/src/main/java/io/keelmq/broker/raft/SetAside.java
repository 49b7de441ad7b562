package io.keelmq.broker.raft;

import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The remains of earlier incarnations in a data folder: {@code set-aside-1}, {@code set-aside-2}
 * and so on. They hold what was acknowledged once, so they are moved and not deleted, until newer
 * ones are there: of those {@link #KEPT} stay. Not thread-safe.
 */
final class SetAside {

  private static final Logger LOG = LoggerFactory.getLogger(SetAside.class);

  static final int KEPT = 1;
  private static final String PREFIX = "set-aside-";

  private final Path dataFolder;

  SetAside(Path dataFolder) {
    this.dataFolder = dataFolder;
  }

  /**
   * Moves everything but the lock and earlier remains, and leaves an identity that says so. What a
   * crash in between leaves is ended by {@link #finish}.
   *
   * @param former whose the remains are
   * @return where they are now
   */
  Path moveAll(ReplicaIdentity former) throws IOException {
    List<Path> earlier = earlier();
    int number = earlier.isEmpty() ? 1 : number(earlier.get(earlier.size() - 1)) + 1;
    Path target = Files.createDirectory(dataFolder.resolve(PREFIX + number));
    Failpoint.ASIDE_FOLDER_MADE.hit();
    // With the remains, so that they can be put back as they were.
    new IdentityFile(target).write(former);
    sync(dataFolder);
    Failpoint.ASIDE_NAMED.hit();
    new IdentityFile(dataFolder).write(former.at(Stage.EMPTYING));
    Failpoint.ASIDE_ANNOUNCED.hit();
    finish(former);
    return target;
  }

  /** Moves what is left beside the newest remains into them. */
  void finish(ReplicaIdentity emptying) throws IOException {
    List<Path> all = earlier();
    Path target = all.get(all.size() - 1);
    for (Path entry : entries()) {
      Files.move(entry, target.resolve(entry.getFileName()), StandardCopyOption.ATOMIC_MOVE);
      Failpoint.ASIDE_ENTRY_MOVED.hit();
    }
    sync(target);
    sync(dataFolder);
    Failpoint.ASIDE_MOVED.hit();
    new IdentityFile(dataFolder).write(emptying.at(Stage.EMPTIED));
    for (Path old : all.subList(0, Math.max(0, all.size() - KEPT))) {
      LOG.warn("deleting older remains, the newest are kept, folder={} kept={}", old, KEPT);
      delete(old);
    }
  }

  /** Oldest first. */
  private List<Path> earlier() throws IOException {
    var found = new ArrayList<Path>();
    try (var entries = Files.newDirectoryStream(dataFolder, PREFIX + "*")) {
      for (Path entry : entries) {
        if (number(entry) > 0) {
          found.add(entry);
        }
      }
    }
    found.sort(Comparator.comparingInt(SetAside::number));
    return found;
  }

  /** 0: not one of ours. */
  private static int number(Path folder) {
    String digits = folder.getFileName().toString().substring(PREFIX.length());
    return digits.matches("[1-9][0-9]{0,8}") ? Integer.parseInt(digits) : 0;
  }

  private List<Path> entries() throws IOException {
    var found = new ArrayList<Path>();
    try (var entries = Files.newDirectoryStream(dataFolder)) {
      for (Path entry : entries) {
        String name = entry.getFileName().toString();
        if (!name.equals(FolderLock.NAME)
            && !name.equals(IdentityFile.NAME)
            && !name.startsWith(PREFIX)) {
          found.add(entry);
        }
      }
    }
    return found;
  }

  private static void sync(Path folder) throws IOException {
    try (var channel = FileChannel.open(folder)) {
      channel.force(true);
    }
  }

  private static void delete(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
