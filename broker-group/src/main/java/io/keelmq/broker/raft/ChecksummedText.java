package io.keelmq.broker.raft;

import io.keelmq.failpoint.Publication;
import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.DiskFile;
import io.keelmq.raftlog.RealDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A small file of text that people can read, with its format in the first line and a checksum in
 * the last.
 *
 * <pre>
 * keelmq-identity 1
 * ...
 * crc32c 89abcdef
 * </pre>
 *
 * <p>Replaced as a whole and synced: after a crash it is the old one or the new one. Not
 * thread-safe.
 */
final class ChecksummedText {

  private static final String CHECKSUM = "crc32c ";

  /** All that is kept so is short. */
  private static final long MAX_BYTES = 64L << 10;

  /** What is wrong with the file. */
  static final class Flawed extends Exception {
    private static final long serialVersionUID = 1L;

    Flawed(String how) {
      super(how);
    }
  }

  private final Path file;
  private final String magic;
  private final String format;
  private final Publication steps;

  /**
   * @param magic first word of the file, its format behind it
   * @param steps where a test may let the process die while it is written
   */
  ChecksummedText(Path file, String magic, String format, Publication steps) {
    this.file = file;
    this.steps = steps;
    this.magic = magic + " ";
    this.format = format;
  }

  /**
   * @return the lines between the first and the checksum; absent if there is no file
   * @throws Flawed if it is not as it was written
   * @throws UnusableFolderException if it is of another format
   */
  Optional<List<String>> read() throws IOException, Flawed, UnusableFolderException {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    if (Files.size(file) > MAX_BYTES) {
      throw new Flawed("it has more than " + MAX_BYTES + " bytes");
    }
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    String first = text.lines().findFirst().orElse("");
    if (!first.startsWith(magic)) {
      throw new Flawed("it begins with \"" + abridged(first) + "\"");
    }
    int checksumAt = text.lastIndexOf(CHECKSUM);
    String body = checksumAt < 0 ? "" : text.substring(0, checksumAt);
    String found = checksumAt < 0 ? "" : text.substring(checksumAt + CHECKSUM.length()).strip();
    String foundFormat = first.substring(magic.length());
    if (!foundFormat.equals(format)) {
      // A newer format may have another checksum; a flipped bit is no newer format.
      if (!foundFormat.matches("[0-9]{1,9}")
          || (!body.isEmpty()
              && checksum(magic + format + body.substring(first.length())).equals(found))) {
        throw new Flawed("it begins with \"" + abridged(first) + "\"");
      }
      throw new UnusableFolderException(
          "%s has format %s, this version reads format %s: start the version that wrote it"
              .formatted(file, abridged(foundFormat), format));
    }
    if (checksumAt < 0) {
      throw new Flawed("its checksum is missing");
    }
    if (!checksum(body).equals(found)) {
      throw new Flawed("its checksum is " + abridged(found) + ", expected " + checksum(body));
    }
    return Optional.of(body.lines().skip(1).toList());
  }

  /** Returns when the lines, and the file's name in its folder, are on disk. */
  void write(List<String> lines) throws IOException {
    write(new RealDisk(), lines);
  }

  /** As the other one, through a disk. */
  void write(Disk disk, List<String> lines) throws IOException {
    var body = new StringBuilder(magic).append(format).append('\n');
    lines.forEach(line -> body.append(line).append('\n'));
    String text = body + CHECKSUM + checksum(body.toString()) + "\n";
    Path next = file.resolveSibling(file.getFileName() + ".tmp");
    // What a write that failed has left of it is no ground to write on.
    disk.delete(next);
    try (DiskFile written = disk.create(next)) {
      written.write(StandardCharsets.UTF_8.encode(text), 0);
      steps.written().hit();
      written.force(true);
      steps.forced().hit();
    }
    disk.rename(next, file);
    steps.renamed().hit();
    disk.forceDirectory(file.toAbsolutePath().getParent());
    steps.published().hit();
  }

  private static String checksum(String body) {
    var crc = new CRC32C();
    crc.update(body.getBytes(StandardCharsets.UTF_8));
    return "%08x".formatted(crc.getValue());
  }

  static String abridged(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "...";
  }
}
