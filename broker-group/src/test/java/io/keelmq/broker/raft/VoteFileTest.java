package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.entity.LocalStorageOutter.StablePBMeta;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.storage.io.ProtoBufFile;
import io.keelmq.broker.raft.VoteFile.Vote;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VoteFileTest {

  private static final PeerId PEER = new PeerId("127.0.0.1", 10_911, 1_234_567_890);

  @TempDir Path folder;

  private Path file() {
    return folder.resolve(VoteFile.NAME);
  }

  @Test
  void keepsTermAndVote() throws Exception {
    var votes = new VoteFile(folder);
    assertFalse(votes.exists());
    assertEquals(Optional.empty(), votes.read());

    for (Vote vote : new Vote[] {new Vote(7, PEER), new Vote(Long.MAX_VALUE, PeerId.emptyPeer())}) {
      votes.write(vote);

      assertTrue(votes.exists());
      assertEquals(Optional.of(vote), new VoteFile(folder).read());
    }
    assertEquals(
        "keelmq-vote 1\nterm 9223372036854775807\nvoted -\ncrc32c ",
        Files.readString(file()).replaceAll("[0-9a-f]{8}\n$", ""));
  }

  @Test
  void noticesEachFlippedBitAndEachByteThatIsMissing() throws Exception {
    new VoteFile(folder).write(new Vote(7, PEER));
    byte[] sound = Files.readAllBytes(file());
    // But for the end of the last line, of which nothing depends.
    int bytes = sound.length - 1;

    for (int length = 0; length < bytes; length++) {
      Files.write(file(), Arrays.copyOf(sound, length));
      assertThrows(LostMemoryException.class, () -> new VoteFile(folder).read());
    }
    for (int bit = 0; bit < 8 * bytes; bit++) {
      byte[] flipped = sound.clone();
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(file(), flipped);
      String what = "bit " + bit;
      assertThrows(LostMemoryException.class, () -> new VoteFile(folder).read(), what);
    }
  }

  @Test
  void leavesANewerFormatAlone() throws Exception {
    Files.writeString(file(), "keelmq-vote 2\nsomething else\ncrc64 1\n", StandardCharsets.UTF_8);

    var refused =
        assertThrows(UnusableFolderException.class, () -> new VoteFile(folder).requireSound(0));

    assertFalse(refused instanceof LostMemoryException, refused::toString);
    assertTrue(refused.getMessage().contains("has format 2"), refused.getMessage());
  }

  @Test
  void readsTheFileOfAnEarlierVersionUntilItHasItsOwn() throws Exception {
    Path jrafts = folder.resolve("raft_meta");
    var earlier = StablePBMeta.newBuilder().setTerm(5).setVotedfor(PEER.toString()).build();
    new ProtoBufFile(jrafts.toString()).save(earlier, true);
    var votes = new VoteFile(folder);

    assertTrue(votes.exists());
    assertEquals(Optional.of(new Vote(5, PEER)), votes.read());
    votes.write(new Vote(6, PEER));

    assertFalse(Files.exists(jrafts));
    assertEquals(Optional.of(new Vote(6, PEER)), votes.read());
  }

  @Test
  void refusesATermBelowThatOfTheLog() throws Exception {
    var votes = new VoteFile(folder);
    votes.write(new Vote(7, PEER));
    votes.requireSound(7);

    var refused = assertThrows(LostMemoryException.class, () -> votes.requireSound(8));

    assertTrue(refused.getMessage().contains("found term 7"), refused.getMessage());
  }
}
