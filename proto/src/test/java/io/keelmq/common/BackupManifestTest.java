package io.keelmq.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.BackupManifest.Content;
import io.keelmq.common.BackupManifest.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackupManifestTest {

  private static final String SEGMENT = "log/00000000000000000001.seg";

  @TempDir Path backup;
  private BackupManifest manifest;

  @BeforeEach
  void make() throws IOException {
    Files.createDirectories(backup.resolve("log"));
    Files.writeString(backup.resolve("about"), "whose it is");
    Files.write(backup.resolve(SEGMENT), new byte[300_000]);
    manifest =
        new BackupManifest(
            "c1",
            "g0",
            "n2",
            "0.1.0",
            70_412,
            3,
            1_790_000_000_000L,
            List.of(
                entry("about", Optional.empty()),
                entry(SEGMENT, Optional.of(new Content(51_022, 0x89abcdef)))));
    manifest.write(backup);
  }

  @Test
  void isReadAsItWasWritten() throws IOException {
    assertEquals(manifest, BackupManifest.read(backup));
    assertEquals(List.of(), manifest.flaws(backup));
    assertEquals(300_011, manifest.bytes());
  }

  @Test
  void hasTheFormatThatIsWrittenDown() throws IOException {
    String text = Files.readString(backup.resolve(BackupManifest.NAME));

    assertTrue(
        text.startsWith(
            """
            keelmq-backup 1
            cluster c1
            group g0
            node n2
            version 0.1.0
            index 70412
            term 3
            taken 1790000000000
            file about 11\s"""),
        text);
    assertTrue(text.contains("file " + SEGMENT + " 300000 "), text);
    assertTrue(text.contains(" sealed 51022 89abcdef\ncrc32c "), text);
  }

  @Test
  void findsAFlippedBit() throws IOException {
    byte[] bytes = Files.readAllBytes(backup.resolve(SEGMENT));
    bytes[299_999] ^= 1;
    Files.write(backup.resolve(SEGMENT), bytes);

    assertEquals(1, manifest.flaws(backup).size());
    assertTrue(manifest.flaws(backup).get(0).startsWith(SEGMENT + ": its checksum is"));
  }

  @Test
  void findsAShortFileAMissingOneAndOneTooMany() throws IOException {
    Files.write(backup.resolve(SEGMENT), new byte[299_999]);
    Files.delete(backup.resolve("about"));
    Files.writeString(backup.resolve("log").resolve("more"), "");

    assertEquals(
        List.of(
            "about is missing",
            SEGMENT + " has 299999 bytes, expected 300000",
            "log/more is not in the manifest"),
        manifest.flaws(backup));
  }

  @Test
  void refusesAManifestThatWasChanged() throws IOException {
    Path file = backup.resolve(BackupManifest.NAME);
    Files.writeString(file, Files.readString(file).replace("index 70412", "index 70413"));

    var failure = assertThrows(DamagedBackupException.class, () -> BackupManifest.read(backup));

    assertTrue(failure.getMessage().contains("its checksum is"), failure.getMessage());
  }

  @Test
  void refusesAnotherFormat() throws IOException {
    Path file = backup.resolve(BackupManifest.NAME);
    Files.writeString(file, Files.readString(file).replace("keelmq-backup 1", "keelmq-backup 2"));

    var failure = assertThrows(DamagedBackupException.class, () -> BackupManifest.read(backup));

    assertTrue(failure.getMessage().contains("this version reads \"keelmq-backup 1\""));
  }

  @Test
  void refusesAFolderWithoutAManifest() {
    Path none = backup.resolve("log");

    assertThrows(DamagedBackupException.class, () -> BackupManifest.read(none));
  }

  @Test
  void refusesNamesThatLeadOutOfTheFolder() {
    for (String name : List.of("../about", "db/../../x", "/etc/passwd", "log/x.seg", "db/..")) {
      assertThrows(
          IllegalArgumentException.class, () -> new Entry(name, 1, 1, Optional.empty()), name);
    }
  }

  private Entry entry(String name, Optional<Content> content) throws IOException {
    Path file = backup.resolve(name);
    return new Entry(name, Files.size(file), BackupManifest.checksumOf(file), content);
  }
}
