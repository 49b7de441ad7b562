package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.keelmq.raftlog.RealDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InheritedRowsTest {

  private static final long APPLIED = 77;

  @TempDir Path folder;

  private InheritedRows open() throws IOException, UnusableFolderException {
    return InheritedRows.open(folder, APPLIED, new RealDisk());
  }

  private Path file() {
    return folder.resolve(InheritedRows.NAME);
  }

  @Test
  void rowsOfAFolderThatHasNoNoteMayBeAnybodys() throws Exception {
    assertEquals(APPLIED, open().upTo());
    assertEquals(APPLIED, InheritedRows.open(folder, APPLIED + 5, new RealDisk()).upTo());
  }

  @Test
  void whatAnEmptyFolderWillHoldIsItsOwn() throws Exception {
    assertEquals(0, InheritedRows.open(folder, 0, new RealDisk()).upTo());
    assertEquals(0, open().upTo(), "also when rows have come");
  }

  @Test
  void remembersUntilItIsConfirmed() throws Exception {
    open().begin(12_345);
    assertEquals(12_345, open().upTo());
    open().begin(12_350);
    var rows = open();

    rows.confirm(12_345);
    assertEquals(12_350, open().upTo(), "that was another one");

    rows.confirm(12_350);
    assertEquals(0, rows.upTo());
    assertEquals(0, open().upTo());
  }

  @Test
  void whatIsDamagedIsTakenForAllRows() throws Exception {
    open().begin(12_345);
    byte[] sound = Files.readAllBytes(file());
    for (int at = 0; at < sound.length - 1; at++) {
      byte[] flipped = sound.clone();
      flipped[at] ^= 1;
      Files.write(file(), flipped);
      long found = open().upTo();
      assertEquals(APPLIED, found, "byte " + at);
      assertEquals(APPLIED, open().upTo(), "and is noted, byte " + at);
    }
    for (int length = 0; length < sound.length - 1; length++) {
      Files.write(file(), Arrays.copyOf(sound, length));
      assertEquals(APPLIED, open().upTo(), length + " bytes");
    }
  }

  @Test
  void refusesANewerFormat() throws Exception {
    Files.writeString(file(), "keelmq-inherited 2\nindex 5\ncrc32c 00000000\n");

    var refused = assertThrows(UnusableFolderException.class, this::open);

    assertEquals(
        file() + " has format 2, this version reads format 1: start the version that wrote it",
        refused.getMessage());
  }
}
