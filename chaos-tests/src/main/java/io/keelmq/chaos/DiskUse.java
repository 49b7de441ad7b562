package io.keelmq.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Set;

/**
 * Bytes of a replica's data folder, while it runs or not. Immutable.
 *
 * @param logBytes segments and their sidecars
 * @param rowBytes tables and logs of the rows
 * @param folderBytes all of the folder; a file to which a snapshot has a link counts once
 */
record DiskUse(long logBytes, long rowBytes, long folderBytes) {

  static DiskUse of(Path dataFolder) {
    return new DiskUse(
        bytes(dataFolder.resolve("log")), bytes(dataFolder.resolve("store")), bytes(dataFolder));
  }

  private static long bytes(Path folder) {
    Set<Object> seen = new HashSet<>();
    long[] sum = new long[1];
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              if (attributes.fileKey() == null || seen.add(attributes.fileKey())) {
                sum[0] += attributes.size();
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              // A replica that runs has just deleted it.
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, IOException e) {
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
    return sum[0];
  }
}
