package io.keelmq.broker.raft;

import io.keelmq.failpoint.Failpoint;
import io.keelmq.failpoint.Publication;
import io.keelmq.raftlog.Disk;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whose work the rows of this replica are. What came by a snapshot is another replica's: that the
 * two have the same rows shows nothing, until others are seen to have them too. It is noted in the
 * file {@code inherited} of the data folder; index 0: all rows are this replica's own. A folder
 * with rows and without the file was last used by a version that noted nothing, and they may be
 * anybody's.
 *
 * <pre>
 * keelmq-inherited 1
 * index 12345
 * crc32c 89abcdef
 * </pre>
 *
 * <p>Thread-safe.
 */
final class InheritedRows {

  static final String NAME = "inherited";

  private static final Logger LOG = LoggerFactory.getLogger(InheritedRows.class);

  private static final Publication STEPS =
      new Publication(
          Failpoint.INHERITED_WRITTEN,
          Failpoint.INHERITED_FORCED,
          Failpoint.INHERITED_RENAMED,
          Failpoint.INHERITED_PUBLISHED);

  private static final String INDEX = "index ";

  private final Path file;
  private final ChecksummedText text;
  private final Disk disk;

  /** Written under the lock. */
  private volatile long upTo;

  private InheritedRows(Path dataFolder, Disk disk) {
    this.file = dataFolder.resolve(NAME);
    this.text = new ChecksummedText(file, "keelmq-inherited", "1", STEPS);
    this.disk = disk;
  }

  /**
   * @param applied the last entry that the rows hold; taken for the answer if the file is damaged
   * @throws UnusableFolderException if it is of a newer format
   */
  static InheritedRows open(Path dataFolder, long applied, Disk disk)
      throws IOException, UnusableFolderException {
    var rows = new InheritedRows(dataFolder, disk);
    Optional<Long> noted;
    try {
      noted = rows.read();
    } catch (ChecksummedText.Flawed e) {
      LOG.warn("{} is damaged, all rows are taken for inherited: {}", rows.file, e.getMessage());
      rows.begin(Math.max(1, applied));
      return rows;
    }
    if (noted.isPresent()) {
      rows.upTo = noted.get();
    } else {
      rows.begin(applied);
    }
    return rows;
  }

  private Optional<Long> read()
      throws IOException, ChecksummedText.Flawed, UnusableFolderException {
    Optional<List<String>> lines = text.read();
    if (lines.isEmpty()) {
      return Optional.empty();
    }
    String line = String.join(" ", lines.get());
    if (!line.matches(INDEX + "(0|[1-9][0-9]{0,17})")) {
      throw new ChecksummedText.Flawed("it says \"" + ChecksummedText.abridged(line) + "\"");
    }
    return Optional.of(Long.parseLong(line.substring(INDEX.length())));
  }

  /** The last entry whose rows are another replica's, as far as is known; 0: there is none. */
  long upTo() {
    return upTo;
  }

  /**
   * Rows up to an entry are about to be brought in. Returns when that is on disk: a crash must not
   * leave them without it.
   */
  synchronized void begin(long index) throws IOException {
    text.write(disk, List.of(INDEX + index));
    upTo = index;
  }

  /** Others have the same rows. */
  synchronized void confirm(long index) {
    if (index != upTo) {
      return;
    }
    try {
      begin(0);
    } catch (IOException e) {
      // The old note stays and is looked into again when the replica starts.
      LOG.warn("{} cannot be written: {}", file, e.toString());
      upTo = 0;
    }
  }
}
