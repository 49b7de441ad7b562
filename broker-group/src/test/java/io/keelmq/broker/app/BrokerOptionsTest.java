package io.keelmq.broker.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.ConfigurationException;
import io.keelmq.common.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class BrokerOptionsTest {

  private static final long DISK = 10_000_000_000L;

  private static BrokerOptions of(long diskBytes, String... arguments) {
    return BrokerOptions.of(Settings.parse(BrokerOptions.KEYS, arguments), folder -> diskBytes);
  }

  private static String refusal(long diskBytes, String... arguments) {
    return assertThrows(ConfigurationException.class, () -> of(diskBytes, arguments)).getMessage();
  }

  @Test
  void theFileOfSettingsShowsEveryKeyWithItsDefault() throws IOException {
    var file = Path.of("..", "chaos-tests", "src", "dist", "conf", "broker.properties");
    List<String> shown =
        Files.readAllLines(file).stream().filter(line -> line.matches("#[a-z0-9.]+=.*")).toList();

    assertEquals(
        BrokerOptions.KEYS.stream()
            .map(key -> "#" + key.name() + "=" + key.defaultValue())
            .sorted()
            .toList(),
        shown.stream().sorted().toList());
  }

  @Test
  void refusesToTrimOnlyWhenSendsAreRefusedAlready() {
    String same = refusal(DISK, "disk.trim.free=5%");
    String fewerBytes = refusal(DISK, "disk.trim.free=1000", "disk.min.free=2000");
    String percentOfASmallDisk = refusal(DISK, "disk.trim.free=9%", "disk.min.free=900MiB");

    assertTrue(same.startsWith("disk.trim.free=5% ("), same);
    assertTrue(
        same.contains(
            "expected more than disk.min.free=5%, which is 500000000 bytes of this disk of"
                + " 10000000000; this is 500000000"),
        same);
    assertTrue(same.endsWith("raise disk.trim.free, or lower disk.min.free"), same);
    assertTrue(fewerBytes.contains("which is 2000 bytes"), fewerBytes);
    assertTrue(percentOfASmallDisk.contains("this is 900000000"), percentOfASmallDisk);
  }

  @Test
  void takesWhatIsMoreOnTheDiskItHas() {
    assertTrue(of(DISK, "disk.trim.free=6%").retention().trimsForWantOfDisk());
    assertTrue(of(DISK, "disk.trim.free=500000001").retention().trimsForWantOfDisk());
    // A percentage below which a disk is low counts as 1 GiB at most.
    assertTrue(of(100 * DISK, "disk.trim.free=2%").retention().trimsForWantOfDisk());
  }

  @Test
  void doesNotAskForTheDiskWhereNothingIsTrimmedForIt() {
    var settings = Settings.parse(BrokerOptions.KEYS, "node=n7");

    BrokerOptions options =
        BrokerOptions.of(
            settings,
            folder -> {
              throw new AssertionError("asked for the disk of " + folder);
            });

    assertEquals("n7", options.node());
    assertFalse(options.retention().trimsForWantOfDisk());
  }
}
