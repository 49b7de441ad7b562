package io.keelmq.local;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;

/** Deletes what a local cluster left on disk, and nothing that it did not make. Stateless. */
public final class ClusterFolder {

  private static final List<String> PARTS =
      List.of("logs", "data", ClusterFile.NAME, ClusterFile.NAME + ".next", NodeProcesses.LOCK);

  private ClusterFolder() {}

  /** The folder itself goes only if nothing else is in it. */
  public static void delete(Path dir) {
    try {
      for (String part : PARTS) {
        deleteTree(dir.resolve(part));
      }
      try (var rest = Files.list(dir)) {
        if (rest.findAny().isPresent()) {
          return;
        }
      }
      Files.delete(dir);
    } catch (NoSuchFileException e) {
      // Gone already.
      return;
    } catch (IOException e) {
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "cannot delete " + dir + ": " + e, e);
    }
  }

  /** A node's data, all of it. */
  static void deleteData(Path dataDir) {
    try {
      deleteTree(dataDir);
    } catch (IOException e) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, "cannot delete " + dataDir + ": " + e, e);
    }
  }

  private static void deleteTree(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
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
