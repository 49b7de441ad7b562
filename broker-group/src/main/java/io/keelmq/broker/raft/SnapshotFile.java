package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.LocalFileMetaOutter.LocalFileMeta;
import io.keelmq.raftlog.SegmentSummary;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file of a snapshot as its listing tells it; JRaft keeps the listing and hands it to the
 * receiver. Immutable.
 *
 * @param name relative to the snapshot's folder
 * @param bytes how many of the file count; of the segment that a snapshot ends in the file may have
 *     more
 * @param checksum CRC32C of those bytes
 * @param content of a sealed segment: what it holds, whichever replica wrote it
 */
record SnapshotFile(String name, long bytes, int checksum, Optional<Content> content) {

  /** Equal for segments with the same entries, though the files differ between replicas. */
  record Content(long lastIndex, int checksum) {

    static Content of(SegmentSummary segment) {
      return new Content(segment.lastIndex(), segment.contentChecksum());
    }
  }

  static final String ABOUT = "about";
  static final String ROWS = "db";
  static final String LOG = "log";

  private static final Pattern NAME =
      Pattern.compile("about|db/[A-Za-z0-9._-]{1,64}|log/[0-9]{20}\\.(seg|idx)");
  private static final Pattern LISTED =
      Pattern.compile("crc32c ([0-9a-f]{8}) ([0-9]{1,18})( last ([0-9]{1,18}) ([0-9a-f]{8}))?");

  /** What goes into JRaft's listing. */
  LocalFileMeta listed() {
    return LocalFileMeta.newBuilder()
        .setChecksum(
            "crc32c %08x %d".formatted(checksum, bytes)
                + content
                    .map(held -> " last %d %08x".formatted(held.lastIndex(), held.checksum()))
                    .orElse(""))
        .build();
  }

  /**
   * @throws BadSnapshotException if this is no file that a snapshot may have: the name comes from
   *     another replica and becomes one here
   */
  static SnapshotFile of(String name, LocalFileMeta listed) throws BadSnapshotException {
    if (!NAME.matcher(name).matches() || name.endsWith("..")) {
      throw new BadSnapshotException("a snapshot has no file \"%s\"".formatted(abridged(name)));
    }
    Matcher found = LISTED.matcher(listed.getChecksum());
    if (!found.matches()) {
      throw new BadSnapshotException(
          "file %s is listed as \"%s\", expected a checksum and a length"
              .formatted(name, abridged(listed.getChecksum())));
    }
    return new SnapshotFile(
        name,
        Long.parseLong(found.group(2)),
        Integer.parseUnsignedInt(found.group(1), 16),
        found.group(3) == null
            ? Optional.empty()
            : Optional.of(
                new Content(
                    Long.parseLong(found.group(4)), Integer.parseUnsignedInt(found.group(5), 16))));
  }

  /** The sealed segment's index file. */
  static String sidecarOf(String segmentName) {
    return segmentName.substring(0, segmentName.length() - ".seg".length()) + ".idx";
  }

  boolean isSidecar() {
    return name.endsWith(".idx");
  }

  private static String abridged(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "...";
  }
}
