package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.raft.Damage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * A file of any kind whose format is a newer one: the replica does not start, says which file and
 * what to do, holds it for no damage, and changes nothing in it. The snapshot's description is in
 * {@code SnapshotAboutTest}.
 */
class NewerFormatsTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/0.1.0.zip");
  private static final int SEGMENT_HEADER_BYTES = 32;
  private static final int FIRST_META_BYTES = 40;

  /** A kind of file, made newer, and what has to be said of it. */
  private record Newer(Consumer<DataFolder> how, String refusal) {}

  @TempDir Path folder;

  @Test
  void refusesAFileOfANewerFormatOfWhateverKind() {
    var kinds = new LinkedHashMap<String, Newer>();
    kinds.put(
        "the last segment",
        new Newer(
            at -> DataFolder.makeNewer(at.activeSegment(), SEGMENT_HEADER_BYTES),
            ".seg has format 2, this build reads up to 1"));
    kinds.put(
        "a sealed segment",
        new Newer(
            at -> DataFolder.makeNewer(at.sealedSegments().get(0), SEGMENT_HEADER_BYTES),
            ".seg has format 2, this build reads up to 1"));
    kinds.put(
        "a sidecar",
        new Newer(
            at -> {
              Path sidecar = sidecarOf(at.sealedSegments().get(0));
              DataFolder.makeNewer(sidecar, (int) sidecar.toFile().length());
            },
            ".idx has format 2, this build reads up to 1"));
    kinds.put(
        "first.meta",
        new Newer(
            at -> DataFolder.makeNewer(at.firstMeta(), FIRST_META_BYTES),
            "first.meta has format 2, this build reads up to 1"));
    kinds.put(
        "the identity",
        new Newer(
            at -> makeTextNewer(at.identity()),
            "identity has format 2, this version reads format 1"));
    kinds.put(
        "the vote",
        new Newer(
            at -> makeTextNewer(at.raftMeta().resolve("vote")),
            "vote has format 2, this version reads format 1"));
    kinds.put(
        "the rows",
        new Newer(
            DataFolder::makeStoreNewer, "store has format 3, this version reads up to format 2"));

    assertAll(kinds.entrySet().stream().map(this::refused));
  }

  private Executable refused(Map.Entry<String, Newer> kind) {
    return () -> {
      var at = new DataFolder(folder.resolve(kind.getKey().replace(' ', '-')));
      GoldenFolder.unpack(GOLDEN, at.path());
      kind.getValue().how().accept(at);
      var before = at.contents();

      var refusal =
          assertThrows(
              Exception.class,
              () ->
                  GoldenReplica.open(at.path(), InstantSource.system(), UnaryOperator.identity())
                      .close(),
              kind.getKey());

      assertTrue(
          refusal.getMessage().contains(kind.getValue().refusal()),
          () -> kind.getKey() + ": " + refusal.getMessage());
      assertTrue(
          refusal.getMessage().contains("upgrade this replica")
              || refusal.getMessage().contains("start the version that wrote it"),
          refusal::getMessage);
      assertTrue(Damage.in(refusal).isEmpty(), kind.getKey());
      assertEquals(before, at.contents(), kind.getKey());
    };
  }

  private static Path sidecarOf(Path segment) {
    String name = segment.getFileName().toString();
    return segment.resolveSibling(name.replace(".seg", ".idx"));
  }

  /** A file of text with its format in the first line, and a checksum in the last. */
  private static void makeTextNewer(Path file) {
    try {
      String text = Files.readString(file);
      String body = text.substring(0, text.lastIndexOf("crc32c "));
      String newer = body.replaceFirst(" 1\n", " 2\n");
      assertTrue(!newer.equals(body), () -> "no format in " + body);
      var crc = new CRC32C();
      crc.update(newer.getBytes(StandardCharsets.UTF_8));
      Files.writeString(file, newer + "crc32c %08x\n".formatted(crc.getValue()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
