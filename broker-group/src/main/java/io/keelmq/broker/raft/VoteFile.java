package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.LocalStorageOutter.StablePBMeta;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.storage.io.ProtoBufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The file in which JRaft keeps term and vote, looked at before JRaft opens it: JRaft says of a
 * damaged one neither which file it is nor what to do. Not thread-safe.
 *
 * <p>It has no checksum: damage shows only where the file no longer reads, or where what it says
 * cannot be.
 */
final class VoteFile {

  private static final String NAME = "raft_meta";

  private final Path file;

  VoteFile(Path metaFolder) {
    this.file = metaFolder.resolve(NAME);
  }

  boolean exists() throws IOException {
    return Files.exists(file) && Files.size(file) > 0;
  }

  /**
   * @param lastTerm of the last entry in the log; term and vote are always on disk before an entry
   *     of their term is
   * @throws UnusableFolderException if no vote could have left the file like this
   */
  void requireSound(long lastTerm, String remedy) throws UnusableFolderException {
    StablePBMeta found;
    try {
      found = new ProtoBufFile(file.toString()).load();
    } catch (IOException | RuntimeException e) {
      throw damaged("it cannot be read (" + e.getMessage() + ")", remedy);
    }
    if (found == null) {
      throw damaged("it ends too early", remedy);
    }
    if (!found.getVotedfor().isEmpty() && !new PeerId().parse(found.getVotedfor())) {
      throw damaged("it holds a vote for no peer", remedy);
    }
    if (found.getTerm() < lastTerm) {
      throw damaged(
          "expected term %d, that of the last entry in the log, or a later one, found term %d"
              .formatted(lastTerm, found.getTerm()),
          remedy);
    }
  }

  private UnusableFolderException damaged(String how, String remedy) {
    return new UnusableFolderException(
        "term and vote in %s are damaged: %s. Restore the file; if it is lost, %s"
            .formatted(file, how, remedy));
  }
}
