package io.keelmq.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {

  private static final List<Settings.Key> KNOWN =
      List.of(
          Settings.key("listen", "127.0.0.1:9876", "where clients connect"),
          Settings.key("name.servers", "", "who is reported to"),
          Settings.key("log.segment.bytes", "256MiB", "size of a segment"),
          Settings.key("log.sync", "fsync", "fsync or os"),
          Settings.key("verbose", "false", "talk more"),
          Settings.key("threads", "4", "how many"),
          Settings.key("warm.up", "3s", "how long"));

  @TempDir Path folder;

  @Test
  void fileBeatsDefaultsAndArgumentsBeatTheFile() throws IOException {
    Path file = write("warm.up = 5s\nthreads=9 \n# a comment\n");

    var settings = Settings.parse(KNOWN, "threads=7", "--config", file.toString(), "verbose=true");

    assertEquals(7, settings.integer("threads", 1, 100));
    assertEquals(Duration.ofSeconds(5), settings.duration("warm.up"));
    assertTrue(settings.bool("verbose"));
    assertEquals(HostPort.parse("127.0.0.1:9876"), settings.hostPort("listen"));
  }

  @Test
  void laterArgumentWins() {
    var settings = Settings.parse(KNOWN, "threads=7", "threads=8");

    assertEquals(8, settings.integer("threads", 1, 100));
  }

  @ParameterizedTest
  @CsvSource({"0,0", "4096,4096", "12B,12", "64KiB,65536", "256MiB,268435456", "2 GiB,2147483648"})
  void readsSizes(String text, long bytes) {
    assertEquals(
        bytes, Settings.parse(KNOWN, "log.segment.bytes=" + text).bytes("log.segment.bytes"));
  }

  @ParameterizedTest
  @CsvSource({"500ms,500", "2s,2000", "1m,60000", "0s,0", "1h,3600000"})
  void readsDurations(String text, long millis) {
    assertEquals(millis, Settings.parse(KNOWN, "warm.up=" + text).duration("warm.up").toMillis());
  }

  @Test
  void readsListsOfAddresses() {
    var settings = Settings.parse(KNOWN, "name.servers=localhost:1, [::1]:2");

    assertEquals(
        List.of(new HostPort("localhost", 1), new HostPort("::1", 2)),
        settings.hostPorts("name.servers"));
    assertEquals(List.of(), Settings.parse(KNOWN).hostPorts("name.servers"));
  }

  @Test
  void unknownKeyNamesItselfItsSourceAndTheKnownOnes() throws IOException {
    Path file = write("thread=1\n");

    refused(() -> Settings.parse(KNOWN, "thread=1"), "\"thread\"", "command line", "threads");
    refused(
        () -> Settings.parse(KNOWN, "--config", file.toString()),
        "\"thread\"",
        file.toString(),
        "threads");
  }

  @Test
  void keyTwiceInTheFileIsRefused() throws IOException {
    Path file = write("threads=1\nwarm.up=1s\nthreads=2\n");

    refused(() -> Settings.parse(KNOWN, "--config", file.toString()), "threads", "more than once");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1s", "1", "s", "1 day", "1.5s", "999999999999999999h", "1MS"})
  void refusesBadDurations(String text) {
    refused(() -> Settings.parse(KNOWN, "warm.up=" + text).duration("warm.up"), "warm.up=" + text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "1MB", "MiB", "1e3", "999999999999999999GiB"})
  void refusesBadSizes(String text) {
    refused(
        () -> Settings.parse(KNOWN, "log.segment.bytes=" + text).bytes("log.segment.bytes"),
        "log.segment.bytes=" + text,
        "256MiB");
  }

  @Test
  void badValuesNameKeyValueSourceAndWhatWasExpected() {
    var settings =
        Settings.parse(
            KNOWN,
            "listen=9876",
            "name.servers=a:1,a:1",
            "log.sync=maybe",
            "verbose=yes",
            "threads=101",
            "warm.up=1ms",
            "log.segment.bytes=1");

    refused(() -> settings.hostPort("listen"), "listen=9876", "command line", "host:port");
    refused(() -> settings.hostPorts("name.servers"), "name.servers=a:1,a:1", "without repeats");
    refused(() -> settings.oneOf("log.sync", "fsync", "os"), "log.sync=maybe", "fsync, os");
    refused(() -> settings.bool("verbose"), "verbose=yes", "true, false");
    refused(() -> settings.integer("threads", 1, 100), "threads=101", "from 1 to 100");
    refused(
        () -> settings.duration("warm.up", Duration.ofSeconds(1), Duration.ofSeconds(9)),
        "warm.up=1ms",
        "from 1000ms to 9000ms");
    refused(() -> settings.bytes("log.segment.bytes", 10, 20), "from 10 to 20 bytes");
  }

  @Test
  void refusesBrokenArgumentsAndFiles() throws IOException {
    Path latin = folder.resolve("latin1");
    Files.write(latin, new byte[] {'a', '=', (byte) 0xe9});
    Path escape = write("threads=\\u00zz\n");
    Path big = folder.resolve("big");
    Files.write(big, new byte[(int) Settings.MAX_FILE_BYTES + 1]);

    refused(() -> Settings.parse(KNOWN, "threads"), "\"threads\"", "key=value");
    refused(() -> Settings.parse(KNOWN, "--config"), "--config FILE");
    refused(() -> Settings.parse(KNOWN, "--config", "a", "--config", "b"), "twice");
    refused(
        () -> Settings.parse(KNOWN, "--config", folder.resolve("no").toString()), "no such file");
    refused(() -> Settings.parse(KNOWN, "--config", folder.toString()), "cannot be read");
    refused(() -> Settings.parse(KNOWN, "--config", latin.toString()), "UTF-8");
    refused(() -> Settings.parse(KNOWN, "--config", escape.toString()), "properties file");
    refused(() -> Settings.parse(KNOWN, "--config", big.toString()), "at most");
  }

  @Test
  void describesAllKeysAndMarksWhatIsNoDefault() {
    String text = Settings.parse(KNOWN, "threads=5").describe();

    assertTrue(text.contains("threads=5* "), text);
    assertTrue(text.contains("warm.up=3s"), text);
    assertFalse(text.contains("warm.up=3s*"), text);
  }

  @Test
  void askingForAnUnlistedKeyIsAMistakeOfTheProgram() {
    assertThrows(IllegalArgumentException.class, () -> Settings.parse(KNOWN).string("other"));
  }

  private Path write(String text) throws IOException {
    return Files.writeString(folder.resolve("x.conf"), text);
  }

  private static void refused(Executable call, String... words) {
    String message = assertThrows(ConfigurationException.class, call).getMessage();
    for (String word : words) {
      assertTrue(message.contains(word), () -> "\"" + word + "\" is not in: " + message);
    }
  }
}
