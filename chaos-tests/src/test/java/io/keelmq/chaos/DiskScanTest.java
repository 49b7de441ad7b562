package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.ByteString;
import io.keelmq.v1.Message;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskScanTest {

  /** Their lengths take one, two and three bytes. */
  private static final List<Integer> SIZES = List.of(24, 127, 128, 3_000, 20_000);

  @TempDir Path folder;

  @Test
  void findsBodiesOfAllLengths() throws IOException {
    assertEquals(List.of(0L, 1L, 2L, 3L, 4L), found(records()));
  }

  @Test
  void doesNotCountABodyThatIsCutShort() throws IOException {
    byte[] records = records();
    var torn = new byte[records.length - 1];
    System.arraycopy(records, 0, torn, 0, torn.length);

    assertEquals(List.of(0L, 1L, 2L, 3L), found(torn));
  }

  @Test
  void doesNotCountABodyWithAFlippedBit() throws IOException {
    byte[] records = records();
    // Within the filler of the last.
    records[records.length - 500] ^= 1;

    assertEquals(List.of(0L, 1L, 2L, 3L), found(records));
  }

  @Test
  void readsALinkedSegmentOnceAndNotWhatWasSetAside() throws IOException {
    Path log = Files.createDirectories(folder.resolve("log"));
    Path snapshot = Files.createDirectories(folder.resolve("snapshot").resolve("log"));
    Path aside = Files.createDirectories(folder.resolve("set-aside-1").resolve("log"));
    Files.write(log.resolve("1.seg"), records());
    Files.createLink(snapshot.resolve("1.seg"), log.resolve("1.seg"));
    Files.write(aside.resolve("1.seg"), records());
    var seqs = new ArrayList<Long>();

    DiskScan.scan(folder, payload -> seqs.add(payload.seq()));

    assertEquals(List.of(0L, 1L, 2L, 3L, 4L), seqs);
  }

  private static List<Long> found(byte[] bytes) {
    var seqs = new ArrayList<Long>();
    DiskScan.scan(bytes, payload -> seqs.add(payload.seq()));
    return seqs;
  }

  /** As a segment holds them, but for what stands between. */
  private static byte[] records() throws IOException {
    var bytes = new ByteArrayOutputStream();
    for (int i = 0; i < SIZES.size(); i++) {
      Message.newBuilder()
          .setBody(ByteString.copyFrom(new Payload(1, 2, i).encode(SIZES.get(i))))
          .build()
          .writeDelimitedTo(bytes);
    }
    return bytes.toByteArray();
  }
}
