package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.option.RaftMetaStorageOptions;
import io.keelmq.broker.raft.VoteFile.Vote;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VoteStorageTest {

  private static final PeerId SELF = PeerId.parsePeer("127.0.0.1:1:1000000001");
  private static final PeerId OTHER = PeerId.parsePeer("127.0.0.1:2:1000000002");

  @TempDir Path folder;
  private boolean mayTakeOver;

  private VoteStorage storage() {
    var storage = new VoteStorage(folder, new ReserveFile(folder), SELF, () -> mayTakeOver);
    assertTrue(storage.init(new RaftMetaStorageOptions()));
    return storage;
  }

  private Vote onDisk() throws IOException, UnusableFolderException {
    return new VoteFile(folder).read().orElseThrow();
  }

  /** JRaft stays in the term that it wanted to stand in, and the log gets entries of it. */
  @Test
  void keepsTheTermOfAVoteForItselfThatItRefuses() throws Exception {
    VoteStorage storage = storage();
    assertTrue(storage.setTermAndVotedFor(4, OTHER));

    assertFalse(storage.setTermAndVotedFor(5, SELF));

    assertEquals(new Vote(5, PeerId.emptyPeer()), onDisk());
    new VoteFile(folder).requireSound(5);
  }

  @Test
  void votesForItselfWhenItMay() throws Exception {
    VoteStorage storage = storage();
    mayTakeOver = true;

    assertTrue(storage.setTermAndVotedFor(5, SELF));

    assertEquals(new Vote(5, SELF), onDisk());
    assertEquals(SELF, storage().getVotedFor());
  }
}
