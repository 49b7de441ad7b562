package io.keelmq.broker.raft;

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
 * and so on. They hold what was acknowledged once, so they are moved and not deleted, until {@link
 * #KEPT} newer ones are there. Not thread-safe.
 */
final class SetAside {

  private static final Logger LOG = LoggerFactory.getLogger(SetAside.class);

  static final int KEPT = 3;
  private static final String PREFIX = "set-aside-";

  private final Path dataFolder;

  SetAside(Path dataFolder) {
    this.dataFolder = dataFolder;
  }

  /**
   * Moves everything but the lock and earlier remains, the identity last: while it is there, what
   * is left is seen as the remains of a member, whatever a crash in between leaves.
   *
   * @return where it is now
   */
  Path moveAll() throws IOException {
    List<Path> earlier = earlier();
    int number = earlier.isEmpty() ? 1 : number(earlier.get(earlier.size() - 1)) + 1;
    Path target = Files.createDirectory(dataFolder.resolve(PREFIX + number));
    for (Path entry : entries()) {
      if (!entry.getFileName().toString().equals(IdentityFile.NAME)) {
        Files.move(entry, target.resolve(entry.getFileName()), StandardCopyOption.ATOMIC_MOVE);
      }
    }
    sync(target);
    sync(dataFolder);
    Path identity = dataFolder.resolve(IdentityFile.NAME);
    if (Files.exists(identity)) {
      Files.move(identity, target.resolve(IdentityFile.NAME), StandardCopyOption.ATOMIC_MOVE);
    }
    sync(target);
    sync(dataFolder);
    // Those that it was not counted among, so that KEPT are left with it.
    for (Path old : earlier.subList(0, Math.max(0, earlier.size() - KEPT + 1))) {
      LOG.warn("deleting the oldest remains, newer ones are kept, folder={} kept={}", old, KEPT);
      delete(old);
    }
    return target;
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
        if (!name.equals(FolderLock.NAME) && !name.startsWith(PREFIX)) {
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
