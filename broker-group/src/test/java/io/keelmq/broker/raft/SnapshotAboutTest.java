package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Features;
import io.keelmq.raftlog.RealDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotAboutTest {

  private static final String FIRST = "keelmq-snapshot 1\ncluster c\ngroup g\nindex 9\napplied 8\n";

  @TempDir Path folder;

  @Test
  void writesAtTheFirstLevelWhatEarlierVersionsRead() throws Exception {
    Path file = folder.resolve("about");
    var about = new SnapshotAbout("c", "g", 9, 8, Features.FIRST);

    about.write(new RealDisk(), file);

    assertEquals(FIRST, Files.readString(file));
    assertEquals(about, SnapshotAbout.read(file));
  }

  @Test
  void tellsTheLevelInAFormatThatEarlierVersionsRefuse() throws Exception {
    Path file = folder.resolve("about");
    for (var features : List.of(new Features(2, "0.2.0", 7), new Features(9, "9 beta", 8))) {
      var about = new SnapshotAbout("c", "g", 9, 8, features);

      about.write(new RealDisk(), file);

      assertTrue(Files.readString(file).startsWith("keelmq-snapshot 2\n"));
      assertEquals(about, SnapshotAbout.read(file));
    }
  }

  @Test
  void refusesANewerFormat() throws Exception {
    Path file = folder.resolve("about");
    Files.writeString(file, FIRST.replace("snapshot 1", "snapshot 3"));

    var refused = assertThrows(IOException.class, () -> SnapshotAbout.read(file));

    assertTrue(
        refused
            .getMessage()
            .endsWith(
                "begins with \"keelmq-snapshot 3\", this version reads \"keelmq-snapshot 1\" and"
                    + " \"keelmq-snapshot 2\": start the version that wrote it"),
        refused::getMessage);
    assertTrue(Damage.in(refused).isEmpty(), "nothing is thrown away for it");
  }
}
