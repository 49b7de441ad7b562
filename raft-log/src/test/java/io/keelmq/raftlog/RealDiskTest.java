package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RealDiskTest {

  private final Disk disk = new RealDisk();
  @TempDir Path folder;

  @Test
  void readsOnAfterAReaderWasInterrupted() throws Exception {
    try (DiskFile file = disk.create(folder.resolve("a"))) {
      file.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 0);
      Thread.currentThread().interrupt();

      var bytes = ByteBuffer.allocate(8);
      assertEquals(3, file.read(bytes, 0));
      assertEquals(3, file.size());

      assertTrue(Thread.interrupted(), "the interrupt is kept for the caller");
      file.write(ByteBuffer.wrap(new byte[] {4}), 3);
      assertEquals(2, file.read(bytes, 2));
    }
  }

  @Test
  void refusesAFileThatWasClosed() throws Exception {
    DiskFile file = disk.create(folder.resolve("a"));
    file.close();

    assertThrows(java.io.IOException.class, () -> file.read(ByteBuffer.allocate(1), 0));
  }

  @Test
  void holdsALockUntilItIsClosed() throws Exception {
    var file = folder.resolve("lock");
    var held = disk.lock(file);

    assertThrows(LogInUseException.class, () -> disk.lock(file));

    held.close();
    disk.lock(file).close();
  }

  @Test
  void makesFoldersAndDeletesWhatMayBeMissing() throws Exception {
    var deep = folder.resolve("a/b/c");

    disk.createFolder(deep);
    disk.createFolder(deep);
    disk.delete(deep.resolve("nothing"));

    assertTrue(Files.isDirectory(deep));
  }

  @Test
  void keepsALogOverRestarts() {
    var options = TestLogs.options(folder.resolve("log"));
    try (var log = SegmentedLog.open(options, disk)) {
      log.append(TestLogs.records(1, 10, 1));
      log.truncateSuffix(5);
      log.append(TestLogs.records(6, 9, 2));
      log.truncatePrefix(3);
    }

    try (var log = SegmentedLog.open(options, disk)) {
      assertEquals(3, log.logicalFirst());
      assertEquals(9, log.last());
      assertTrue(TestLogs.holds(log, 5, 1));
      assertTrue(TestLogs.holds(log, 9, 2));
      log.reset(100);
      log.append(TestLogs.records(100, 100, 3));
    }

    try (var log = SegmentedLog.open(options, disk)) {
      assertEquals(100, log.physicalFirst());
      assertTrue(TestLogs.holds(log, 100, 3));
    }
  }
}
