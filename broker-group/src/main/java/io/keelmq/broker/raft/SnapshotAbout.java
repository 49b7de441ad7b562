package io.keelmq.broker.raft;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The file {@code about} of a snapshot: whose it is, and how far its rows have come. Immutable.
 *
 * @param index the last log entry that it covers
 * @param applied the last entry that the rows hold; less than {@code index} if that is one of
 *     Raft's own
 */
record SnapshotAbout(String cluster, String group, long index, long applied) {

  private static final String FORMAT = "keelmq-snapshot 1";
  private static final int MAX_BYTES = 4 << 10;
  private static final Pattern TEXT =
      Pattern.compile(
          FORMAT + "\ncluster (\\S+)\ngroup (\\S+)\nindex ([0-9]{1,18})\napplied ([0-9]{1,18})\n");

  void write(Path file) throws IOException {
    Files.writeString(
        file,
        "%s\ncluster %s\ngroup %s\nindex %d\napplied %d\n"
            .formatted(FORMAT, cluster, group, index, applied));
    SnapshotFiles.force(file);
  }

  /**
   * @param file compared with the listing before
   */
  static SnapshotAbout read(Path file) throws IOException {
    if (Files.size(file) > MAX_BYTES) {
      throw new BadSnapshotException(file + " is no description of a snapshot: it is too long");
    }
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    Matcher found = TEXT.matcher(text);
    if (!found.matches()) {
      // What was written is there, as the checksum says: it is of another version.
      throw new IOException(
          "%s begins with \"%s\", this version reads \"%s\""
              .formatted(file, text.lines().findFirst().orElse(""), FORMAT));
    }
    return new SnapshotAbout(
        found.group(1),
        found.group(2),
        Long.parseLong(found.group(3)),
        Long.parseLong(found.group(4)));
  }
}
