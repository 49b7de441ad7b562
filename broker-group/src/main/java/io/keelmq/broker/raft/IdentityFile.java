package io.keelmq.broker.raft;

import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The file {@code identity} of a data folder: text that people can read, with a checksum.
 *
 * <pre>
 * keelmq-identity 1
 * stage JOINED
 * node n1
 * cluster 7f3a...
 * group g0
 * member n1 127.0.0.1:10911 1234567890 127.0.0.1:8081
 * ...
 * crc32c 89abcdef
 * </pre>
 *
 * <p>Replaced as a whole and synced: after a crash it is the old one or the new one. Not
 * thread-safe.
 */
final class IdentityFile {

  static final String NAME = "identity";
  private static final String MAGIC = "keelmq-identity ";
  private static final String FORMAT = "1";
  private static final String CHECKSUM = "crc32c ";

  /** A group has a handful of members; anything longer is no identity. */
  private static final long MAX_BYTES = 64L << 10;

  private final Path file;

  IdentityFile(Path dataFolder) {
    this.file = dataFolder.resolve(NAME);
  }

  /**
   * @return absent if this folder was never prepared
   * @throws UnusableFolderException if it is damaged or of a newer format
   */
  Optional<ReplicaIdentity> read() throws IOException, UnusableFolderException {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    if (Files.size(file) > MAX_BYTES) {
      throw damaged("it has more than " + MAX_BYTES + " bytes");
    }
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    String[] lines = text.split("\n", -1);
    if (!lines[0].startsWith(MAGIC)) {
      throw damaged("it begins with \"" + abridged(lines[0]) + "\"");
    }
    // Before the checksum: a newer format may have another one.
    String format = lines[0].substring(MAGIC.length());
    if (!format.equals(FORMAT)) {
      throw new UnusableFolderException(
          "%s has format %s, this version reads format %s: start the version that wrote it"
              .formatted(file, abridged(format), FORMAT));
    }
    int checksumAt = text.lastIndexOf(CHECKSUM);
    if (checksumAt < 0) {
      throw damaged("its checksum is missing");
    }
    String body = text.substring(0, checksumAt);
    String found = text.substring(checksumAt + CHECKSUM.length()).strip();
    if (!checksum(body).equals(found)) {
      throw damaged("its checksum is " + abridged(found) + ", expected " + checksum(body));
    }
    return Optional.of(parse(body));
  }

  private ReplicaIdentity parse(String body) throws UnusableFolderException {
    String stage = "";
    String node = "";
    String cluster = "";
    String group = "";
    List<Member> members = new ArrayList<>();
    List<String> lines = body.lines().skip(1).toList();
    try {
      for (String line : lines) {
        String[] words = line.split(" ", -1);
        switch (words[0]) {
          case "stage" -> stage = words[1];
          case "node" -> node = words[1];
          case "cluster" -> cluster = words[1];
          case "group" -> group = words[1];
          case "member" ->
              members.add(new Member(words[1], words[2], Integer.parseInt(words[3]), words[4]));
          default -> throw damaged("it has a line \"" + abridged(line) + "\"");
        }
      }
      return new ReplicaIdentity(new Plan(cluster, group, members), node, Stage.valueOf(stage));
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      throw damaged(e.getMessage());
    }
  }

  /** Returns when the identity, and its name in the folder, are on disk. */
  void write(ReplicaIdentity identity) throws IOException {
    var body = new StringBuilder(MAGIC).append(FORMAT).append('\n');
    body.append("stage ").append(identity.stage()).append('\n');
    body.append("node ").append(identity.node()).append('\n');
    body.append("cluster ").append(identity.plan().clusterId()).append('\n');
    body.append("group ").append(identity.plan().brokerGroup()).append('\n');
    for (Member member : identity.plan().members()) {
      body.append(
          "member %s %s %d %s\n"
              .formatted(
                  member.node(),
                  member.raftAddress(),
                  member.incarnation(),
                  member.clientAddress()));
    }
    String text = body + CHECKSUM + checksum(body.toString()) + "\n";
    Path next = file.resolveSibling(NAME + ".tmp");
    try (var channel =
        FileChannel.open(
            next,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    try (var folder = FileChannel.open(file.toAbsolutePath().getParent())) {
      folder.force(true);
    }
  }

  private static String checksum(String body) {
    var crc = new CRC32C();
    crc.update(body.getBytes(StandardCharsets.UTF_8));
    return "%08x".formatted(crc.getValue());
  }

  private static String abridged(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "...";
  }

  private UnusableFolderException damaged(String how) {
    return new UnusableFolderException(
        "%s is damaged: %s. Restore the file, or empty the data folder and let the replica rejoin as a new incarnation"
            .formatted(file, how));
  }
}
