package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What earlier versions wrote is opened by this one; see {@link GoldenFolder}. */
class GoldenFolderTest {

  private static final Path FOLDERS = Path.of("src/test/resources/golden");

  @TempDir Path folder;

  @Test
  void opensWhatEveryEarlierVersionWroteAndGoesOn() throws Exception {
    List<Path> archives;
    try (var found = Files.list(FOLDERS)) {
      archives = found.filter(file -> file.toString().endsWith(".zip")).sorted().toList();
    }
    assertFalse(archives.isEmpty());
    for (Path archive : archives) {
      assertTrue(Files.size(archive) < 300_000, archive + " is too large for a repository");
      String version = archive.getFileName().toString().replace(".zip", "");

      var flaws = GoldenCheck.verify(archive, manifest(version), folder.resolve(version));

      assertEquals(List.of(), flaws, version);
    }
  }

  @Test
  void seesAMessageThatReadsOtherwiseAndALeaseThatIsMissing() throws Exception {
    var planted = new ArrayList<String>();
    for (String line : manifest("0.1.0")) {
      if (line.startsWith("    run 3 ")) {
        planted.add(line.substring(0, line.length() - 1) + "x");
      } else if (!line.startsWith("    ready ")) {
        planted.add(line);
      }
    }

    var flaws =
        GoldenCheck.verify(FOLDERS.resolve("0.1.0.zip"), planted, folder.resolve("planted"));

    assertTrue(flaws.stream().anyMatch(flaw -> flaw.contains("run 3 ")), flaws::toString);
    assertTrue(flaws.stream().anyMatch(flaw -> flaw.contains("ready ")), flaws::toString);
  }

  private static List<String> manifest(String version) throws Exception {
    return Files.readAllLines(FOLDERS.resolve(version + ".manifest"));
  }
}
