package io.keelmq.broker.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class RocksLibraryTest {

  @Test
  @EnabledOnOs(OS.LINUX)
  void leavesNoFileToAProcessThatIsKilled() throws IOException {
    RocksLibrary.load();
    RocksLibrary.load();

    List<String> mapped =
        Files.readAllLines(Path.of("/proc/self/maps")).stream()
            .filter(line -> line.contains("librocksdbjni"))
            .toList();
    assertFalse(mapped.isEmpty());
    assertEquals(List.of(), mapped.stream().filter(line -> !line.endsWith("(deleted)")).toList());
  }
}
