package io.keelmq.broker.raft;

import io.keelmq.broker.state.Features;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.raftlog.Disk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The file {@code about} of a snapshot: whose it is, and how far its rows have come. Immutable.
 *
 * <p>Of a group at the first feature level it has format 1, which versions read that know nothing
 * of levels; of others it has format 2, which those refuse.
 *
 * @param index the last log entry that it covers
 * @param applied the last entry that the rows hold; less than {@code index} if that is one of
 *     Raft's own
 * @param features what the rows may hold
 */
record SnapshotAbout(String cluster, String group, long index, long applied, Features features) {

  private static final String FORMAT = "keelmq-snapshot ";
  private static final int MAX_BYTES = 4 << 10;
  private static final String HEAD =
      "cluster (\\S+)\ngroup (\\S+)\nindex ([0-9]{1,18})\napplied ([0-9]{1,18})\n";
  private static final Pattern FIRST = Pattern.compile(FORMAT + "1\n" + HEAD);
  private static final Pattern SECOND =
      Pattern.compile(
          FORMAT
              + "2\n"
              + HEAD
              + "level ([0-9]{1,9})\nraised by ([^\n]*)\nraised at ([0-9]{1,18})\n");

  void write(Disk disk, Path file) throws IOException {
    boolean first = features.level() == LevelRange.FIRST;
    String head =
        "%s%d\ncluster %s\ngroup %s\nindex %d\napplied %d\n"
            .formatted(FORMAT, first ? 1 : 2, cluster, group, index, applied);
    String level =
        "level %d\nraised by %s\nraised at %d\n"
            .formatted(features.level(), features.raisedBy(), features.raisedAt());
    Files.writeString(file, first ? head : head + level);
    SnapshotFiles.force(disk, file);
  }

  /**
   * @param file compared with the listing before
   */
  static SnapshotAbout read(Path file) throws IOException {
    if (Files.size(file) > MAX_BYTES) {
      throw new BadSnapshotException(file + " is no description of a snapshot: it is too long");
    }
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    Matcher first = FIRST.matcher(text);
    if (first.matches()) {
      return of(first, Features.FIRST);
    }
    Matcher second = SECOND.matcher(text);
    if (second.matches()) {
      return of(
          second,
          new Features(
              Integer.parseInt(second.group(5)), second.group(6), Long.parseLong(second.group(7))));
    }
    // What was written is there, as the checksum says: it is of another version.
    throw new IOException(
        "%s begins with \"%s\", this version reads \"%s1\" and \"%s2\": start the version that wrote it"
            .formatted(file, text.lines().findFirst().orElse(""), FORMAT, FORMAT));
  }

  private static SnapshotAbout of(Matcher found, Features features) {
    return new SnapshotAbout(
        found.group(1),
        found.group(2),
        Long.parseLong(found.group(3)),
        Long.parseLong(found.group(4)),
        features);
  }
}
