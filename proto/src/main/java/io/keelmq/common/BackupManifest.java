package io.keelmq.common;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/**
 * What a backup of a broker group consists of: the file {@code manifest} of its folder, beside
 * which the files of a snapshot lie. Immutable.
 *
 * <pre>
 * keelmq-backup 1
 * cluster 3f...              whose it was
 * group g0
 * node n2                    the replica that sent it
 * version 0.1.0
 * index 70412                the last log entry in it, and its term
 * term 3
 * taken 1790000000000        milliseconds since 1970
 * file about 96 89abcdef                                     name, bytes, CRC32C
 * file log/00000000000000000001.seg 268435000 89abcdef sealed 51022 89abcdef
 * ...                        of a sealed segment: its last entry, CRC32C of its content
 * crc32c 89abcdef            of all lines before
 * </pre>
 *
 * <p>It is written last, and synced: a folder without it is no backup.
 *
 * @param takenMillis by the clock of the machine that made the backup
 */
public record BackupManifest(
    String clusterId,
    String brokerGroup,
    String node,
    String softwareVersion,
    long index,
    long term,
    long takenMillis,
    List<Entry> files) {

  public static final String NAME = "manifest";

  private static final String FORMAT = "keelmq-backup 1";
  private static final String CHECKSUM = "crc32c ";
  private static final long MAX_BYTES = 64L << 20;

  /** The names come from another machine, or a disk, and become files here. */
  private static final Pattern FILE =
      Pattern.compile("about|db/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}|log/[0-9]{20}\\.(seg|idx)");

  private static final Pattern WORD = Pattern.compile("\\S{1,128}");

  public BackupManifest {
    files = List.copyOf(files);
    for (String word : List.of(clusterId, brokerGroup, node, softwareVersion)) {
      if (!WORD.matcher(word).matches()) {
        throw new IllegalArgumentException("\"" + word + "\" is no word for a manifest");
      }
    }
  }

  /**
   * One file.
   *
   * @param checksum CRC32C of all its bytes
   * @param content of a sealed segment
   */
  public record Entry(String name, long bytes, int checksum, Optional<Content> content) {
    public Entry {
      if (!FILE.matcher(name).matches()) {
        throw new IllegalArgumentException("a backup has no file \"" + name + "\"");
      }
    }
  }

  /** The last entry of a sealed segment, and the checksum of what is equal on all replicas. */
  public record Content(long lastIndex, int checksum) {}

  public long bytes() {
    return files.stream().mapToLong(Entry::bytes).sum();
  }

  /** Returns when the manifest and its name are on disk. */
  public void write(Path backup) throws IOException {
    var body = new StringBuilder(FORMAT).append('\n');
    body.append("cluster ").append(clusterId).append('\n');
    body.append("group ").append(brokerGroup).append('\n');
    body.append("node ").append(node).append('\n');
    body.append("version ").append(softwareVersion).append('\n');
    body.append("index ").append(index).append('\n');
    body.append("term ").append(term).append('\n');
    body.append("taken ").append(takenMillis).append('\n');
    for (Entry file : files) {
      body.append("file %s %d %08x".formatted(file.name(), file.bytes(), file.checksum()));
      file.content()
          .ifPresent(
              held -> body.append(" sealed %d %08x".formatted(held.lastIndex(), held.checksum())));
      body.append('\n');
    }
    String text = body + CHECKSUM + checksum(body.toString()) + "\n";
    Path file = backup.resolve(NAME);
    Path next = backup.resolve(NAME + ".tmp");
    Files.writeString(next, text);
    force(next);
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    force(backup);
  }

  /**
   * @throws DamagedBackupException if there is none, or it is not as it was written
   */
  public static BackupManifest read(Path backup) throws IOException {
    Path file = backup.resolve(NAME);
    if (!Files.isRegularFile(file)) {
      throw new DamagedBackupException(
          backup
              + " has no file "
              + NAME
              + ": it is no backup, or one that was not made to its end");
    }
    if (Files.size(file) > MAX_BYTES) {
      throw new DamagedBackupException(file + " is too long for a manifest");
    }
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    String first = text.lines().findFirst().orElse("");
    if (!first.equals(FORMAT)) {
      throw new DamagedBackupException(
          "%s begins with \"%s\", this version reads \"%s\""
              .formatted(file, first.length() > 80 ? first.substring(0, 80) : first, FORMAT));
    }
    int at = text.lastIndexOf(CHECKSUM);
    String body = at < 0 ? "" : text.substring(0, at);
    String found = at < 0 ? "none" : text.substring(at + CHECKSUM.length()).strip();
    if (!checksum(body).equals(found)) {
      throw new DamagedBackupException(
          "%s: its checksum is %s, expected %s".formatted(file, found, checksum(body)));
    }
    try {
      return parse(body.lines().skip(1).toList());
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new DamagedBackupException(file + " cannot be understood: " + e.getMessage());
    }
  }

  private static BackupManifest parse(List<String> lines) {
    Map<String, String> words = new HashMap<>();
    var files = new ArrayList<Entry>();
    for (String line : lines) {
      String[] parts = line.split(" ", -1);
      if (!parts[0].equals("file")) {
        words.put(parts[0], parts[1]);
        continue;
      }
      files.add(
          new Entry(
              parts[1],
              Long.parseLong(parts[2]),
              Integer.parseUnsignedInt(parts[3], 16),
              parts.length == 4
                  ? Optional.empty()
                  : Optional.of(
                      new Content(
                          Long.parseLong(parts[5]), Integer.parseUnsignedInt(parts[6], 16)))));
    }
    for (String needed : List.of("cluster", "group", "node", "version", "index", "term", "taken")) {
      if (!words.containsKey(needed)) {
        throw new IllegalArgumentException("it has no line " + needed);
      }
    }
    return new BackupManifest(
        words.get("cluster"),
        words.get("group"),
        words.get("node"),
        words.get("version"),
        Long.parseLong(words.get("index")),
        Long.parseLong(words.get("term")),
        Long.parseLong(words.get("taken")),
        files);
  }

  /** Reads every byte of a backup; returns what is wrong with it, empty if nothing is. */
  public List<String> flaws(Path backup) throws IOException {
    var flaws = new ArrayList<String>();
    Set<String> listed = new HashSet<>();
    for (Entry file : files) {
      listed.add(file.name());
      flaw(backup, file).ifPresent(flaws::add);
    }
    try (var there = Files.walk(backup)) {
      there
          .filter(Files::isRegularFile)
          .map(file -> backup.relativize(file).toString().replace('\\', '/'))
          .filter(name -> !name.equals(NAME) && !listed.contains(name))
          .sorted()
          .forEach(name -> flaws.add(name + " is not in the manifest"));
    }
    return flaws;
  }

  private static Optional<String> flaw(Path backup, Entry file) throws IOException {
    Path path = backup.resolve(file.name());
    if (!Files.isRegularFile(path)) {
      return Optional.of(file.name() + " is missing");
    }
    long bytes = Files.size(path);
    if (bytes != file.bytes()) {
      return Optional.of(
          "%s has %d bytes, expected %d".formatted(file.name(), bytes, file.bytes()));
    }
    int found = checksumOf(path);
    return found == file.checksum()
        ? Optional.empty()
        : Optional.of(
            "%s: its checksum is %08x, expected %08x"
                .formatted(file.name(), found, file.checksum()));
  }

  /** CRC32C of a whole file. */
  public static int checksumOf(Path file) throws IOException {
    var crc = new CRC32C();
    var chunk = ByteBuffer.allocateDirect(256 << 10);
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      while (channel.read(chunk.clear()) >= 0) {
        crc.update(chunk.flip());
      }
    }
    return (int) crc.getValue();
  }

  /** Makes a file's bytes durable, or the names in a folder. */
  public static void force(Path fileOrFolder) throws IOException {
    try (var channel = FileChannel.open(fileOrFolder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static String checksum(String body) {
    var crc = new CRC32C();
    crc.update(body.getBytes(StandardCharsets.UTF_8));
    return "%08x".formatted(crc.getValue());
  }
}
