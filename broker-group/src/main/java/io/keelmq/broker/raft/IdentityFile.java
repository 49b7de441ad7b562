package io.keelmq.broker.raft;

import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.failpoint.Publication;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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
 * <p>Not thread-safe.
 */
final class IdentityFile {

  static final String NAME = "identity";

  private static final Publication STEPS =
      new Publication(
          Failpoint.IDENTITY_WRITTEN,
          Failpoint.IDENTITY_FORCED,
          Failpoint.IDENTITY_RENAMED,
          Failpoint.IDENTITY_PUBLISHED);

  /** The same once more: whoever finds the other one damaged can still tell whose folder it is. */
  static final String COPY = "identity.copy";

  private final Path file;
  private final ChecksummedText text;

  IdentityFile(Path dataFolder) {
    this(dataFolder, NAME);
  }

  static IdentityFile copyIn(Path dataFolder) {
    return new IdentityFile(dataFolder, COPY);
  }

  private IdentityFile(Path dataFolder, String name) {
    this.file = dataFolder.resolve(name);
    this.text = new ChecksummedText(file, "keelmq-identity", "1", STEPS);
  }

  /**
   * @return absent if this folder was never prepared
   * @throws DamagedFolderException if it is damaged
   * @throws UnusableFolderException if it is of a newer format
   */
  Optional<ReplicaIdentity> read() throws IOException, UnusableFolderException {
    try {
      Optional<List<String>> lines = text.read();
      return lines.isEmpty() ? Optional.empty() : Optional.of(parse(lines.get()));
    } catch (ChecksummedText.Flawed e) {
      throw damaged(e.getMessage());
    }
  }

  private ReplicaIdentity parse(List<String> lines) throws UnusableFolderException {
    String stage = "";
    String node = "";
    String cluster = "";
    String group = "";
    List<Member> members = new ArrayList<>();
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
          default -> throw damaged("it has a line \"" + ChecksummedText.abridged(line) + "\"");
        }
      }
      return new ReplicaIdentity(new Plan(cluster, group, members), node, Stage.valueOf(stage));
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      throw damaged(e.getMessage());
    }
  }

  /** Returns when the identity, and its name in the folder, are on disk. */
  void write(ReplicaIdentity identity) throws IOException {
    var lines = new ArrayList<String>();
    lines.add("stage " + identity.stage());
    lines.add("node " + identity.node());
    lines.add("cluster " + identity.plan().clusterId());
    lines.add("group " + identity.plan().brokerGroup());
    for (Member member : identity.plan().members()) {
      lines.add(
          "member %s %s %d %s"
              .formatted(
                  member.node(),
                  member.raftAddress(),
                  member.incarnation(),
                  member.clientAddress()));
    }
    text.write(lines);
  }

  private DamagedFolderException damaged(String how) {
    return new DamagedFolderException(
        "%s is damaged: %s. Restore the file, or empty the data folder and let the replica rejoin as a new incarnation"
            .formatted(file, how));
  }
}
