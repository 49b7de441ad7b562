package io.keelmq.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;

/**
 * The kinds of files in the data folder of a replica that does not run, and how they are damaged.
 */
enum DamageKind {
  SEALED_SEGMENT("log", "[0-9]{20}\\.seg", Pick.NOT_LAST),
  ACTIVE_SEGMENT("log", "[0-9]{20}\\.seg", Pick.LAST),
  SIDECAR("log", "[0-9]{20}\\.idx", Pick.ANY),
  BOUNDS("log", "first\\.meta", Pick.ANY),
  VOTE("raft-meta", "vote", Pick.ANY),
  IDENTITY("", "identity", Pick.ANY),
  ROWS_SST("store", ".*\\.sst", Pick.ANY),
  ROWS_MANIFEST("store", "MANIFEST-.*", Pick.LAST),
  ROWS_CURRENT("store", "CURRENT", Pick.ANY),
  SNAPSHOT_LISTING("snapshot", "snapshot_[0-9]+/__raft_snapshot_meta", Pick.LAST),
  SNAPSHOT_ABOUT("snapshot", "snapshot_[0-9]+/about", Pick.LAST);

  /** What is done to a file. */
  enum How {
    FLIP,
    CUT,
    DELETE
  }

  private enum Pick {
    ANY,
    LAST,
    NOT_LAST
  }

  /** So many bytes at the beginning of a segment are its header. */
  private static final int SEGMENT_HEADER_BYTES = 32;

  private final String folder;
  private final String name;
  private final Pick pick;

  DamageKind(String folder, String name, Pick pick) {
    this.folder = folder;
    this.name = name;
    this.pick = pick;
  }

  /** What was done to which file. */
  record Done(DamageKind kind, How how, String file, long at) {}

  /**
   * Damages one file of this kind.
   *
   * @return absent if there is none
   */
  Optional<Done> damage(Path dataFolder, How how, Random random) {
    List<Path> files = files(dataFolder);
    int from = pick == Pick.LAST ? files.size() - 1 : 0;
    int to = pick == Pick.NOT_LAST ? files.size() - 1 : files.size();
    if (from < 0 || to <= from) {
      return Optional.empty();
    }
    Path file = files.get(from + random.nextInt(to - from));
    try {
      long at = change(file, how, random);
      return Optional.of(new Done(this, how, dataFolder.relativize(file).toString(), at));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<Path> files(Path dataFolder) {
    Path root = dataFolder.resolve(folder);
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(root, 2)) {
      // By their numbers, which have no leading zeros in the names of snapshots.
      return all.filter(file -> root.relativize(file).toString().matches(name))
          .sorted(Comparator.comparingInt(DamageKind::length).thenComparing(file -> file))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int length(Path file) {
    return file.toString().length();
  }

  /** Into a new file: segments and tables of rows are shared with snapshots. */
  private long change(Path file, How how, Random random) throws IOException {
    byte[] all = Files.readAllBytes(file);
    Files.delete(file);
    if (how == How.DELETE) {
      return 0;
    }
    if (how == How.CUT) {
      int left = this == ACTIVE_SEGMENT ? all.length - 10 : random.nextInt(all.length);
      Files.write(file, Arrays.copyOf(all, left));
      return left;
    }
    int first = this == ACTIVE_SEGMENT ? SEGMENT_HEADER_BYTES : 0;
    int at = first + random.nextInt(all.length - first);
    all[at] ^= (byte) (1 << random.nextInt(Byte.SIZE));
    Files.write(file, all);
    return at;
  }
}
