package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.LocalStorageOutter.StablePBMeta;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.storage.io.ProtoBufFile;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.failpoint.Publication;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The file {@code vote} of a replica: in which term it is, and whom it gave its vote in it.
 *
 * <pre>
 * keelmq-vote 1
 * term 7
 * voted 127.0.0.1:10911:1234567890
 * crc32c 89abcdef
 * </pre>
 *
 * <p>Folders of earlier versions have JRaft's file instead, which has no checksum. It is read until
 * the first word of ours is on disk, and then deleted: a version that knows only that file must not
 * vote by what it says. Not thread-safe.
 */
final class VoteFile {

  static final String NAME = "vote";
  private static final String JRAFTS_NAME = "raft_meta";
  private static final String TERM = "term ";

  private static final Publication STEPS =
      new Publication(
          Failpoint.VOTE_WRITTEN,
          Failpoint.VOTE_FORCED,
          Failpoint.VOTE_RENAMED,
          Failpoint.VOTE_PUBLISHED);
  private static final String VOTED = "voted ";
  private static final String NOBODY = "-";

  /**
   * @param votedFor the empty peer if nobody had its vote yet
   */
  record Vote(long term, PeerId votedFor) {
    static final Vote NONE = new Vote(0, PeerId.emptyPeer());
  }

  private final Path file;
  private final Path jraftsFile;
  private final ChecksummedText text;

  VoteFile(Path metaFolder) {
    this.file = metaFolder.resolve(NAME);
    this.jraftsFile = metaFolder.resolve(JRAFTS_NAME);
    this.text = new ChecksummedText(file, "keelmq-vote", "1", STEPS);
  }

  boolean exists() throws IOException {
    return isThere(file) || isThere(jraftsFile);
  }

  private static boolean isThere(Path file) throws IOException {
    return Files.exists(file) && Files.size(file) > 0;
  }

  /**
   * @return absent if there is none
   * @throws LostMemoryException if it is damaged
   * @throws UnusableFolderException if it is of a newer format
   */
  Optional<Vote> read() throws IOException, UnusableFolderException {
    if (!Files.exists(file)) {
      return isThere(jraftsFile) ? Optional.of(readJrafts()) : Optional.empty();
    }
    try {
      Optional<List<String>> lines = text.read();
      return lines.isEmpty() ? Optional.empty() : Optional.of(parse(lines.get()));
    } catch (ChecksummedText.Flawed e) {
      throw damaged(file, e.getMessage());
    }
  }

  private Vote parse(List<String> lines) throws UnusableFolderException {
    if (lines.size() != 2 || !lines.get(0).startsWith(TERM) || !lines.get(1).startsWith(VOTED)) {
      throw damaged(file, "it has the lines " + ChecksummedText.abridged(lines.toString()));
    }
    String voted = lines.get(1).substring(VOTED.length());
    try {
      return new Vote(
          Long.parseLong(lines.get(0).substring(TERM.length())),
          voted.equals(NOBODY) ? PeerId.emptyPeer() : peer(file, voted));
    } catch (NumberFormatException e) {
      throw damaged(file, "it has the term " + ChecksummedText.abridged(lines.get(0)));
    }
  }

  private Vote readJrafts() throws UnusableFolderException {
    StablePBMeta found;
    try {
      found = new ProtoBufFile(jraftsFile.toString()).load();
    } catch (IOException | RuntimeException e) {
      throw damaged(jraftsFile, "it cannot be read (" + e.getMessage() + ")");
    }
    if (found == null) {
      throw damaged(jraftsFile, "it ends too early");
    }
    return new Vote(
        found.getTerm(),
        found.getVotedfor().isEmpty() ? PeerId.emptyPeer() : peer(jraftsFile, found.getVotedfor()));
  }

  private static PeerId peer(Path file, String text) throws UnusableFolderException {
    var peer = new PeerId();
    if (!peer.parse(text)) {
      throw damaged(file, "it holds a vote for \"" + ChecksummedText.abridged(text) + "\"");
    }
    return peer;
  }

  /** Returns when the vote is on disk. */
  void write(Vote vote) throws IOException {
    text.write(
        List.of(
            TERM + vote.term(),
            VOTED + (vote.votedFor().isEmpty() ? NOBODY : vote.votedFor().toString())));
    Files.deleteIfExists(jraftsFile);
  }

  /**
   * @param lastTerm of the last entry in the log; term and vote are always on disk before an entry
   *     of their term is
   * @throws LostMemoryException if no vote could have left the file like this
   */
  void requireSound(long lastTerm) throws IOException, UnusableFolderException {
    Optional<Vote> found = read();
    if (found.isPresent() && found.get().term() < lastTerm) {
      throw damaged(
          isThere(file) ? file : jraftsFile,
          "expected term %d, that of the last entry in the log, or a later one, found term %d"
              .formatted(lastTerm, found.get().term()));
    }
  }

  private static LostMemoryException damaged(Path file, String how) {
    return new LostMemoryException("term and vote in %s are damaged: %s".formatted(file, how));
  }
}
