package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.v1.Topic;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SendCommandTest {
  private final CommandLineRun keelmq = new CommandLineRun();

  @BeforeEach
  void makeTopic() {
    keelmq.cluster.topics.put("orders", Topic.newBuilder().setTopic("orders").build());
  }

  @Test
  void sendsTheArgumentWithAllItsParts() {
    int exitCode =
        keelmq.run(
            ("send --topic orders --key k1 --key k2 --tag red --property a=1 --property b=x=y"
                    + " --message-group m grüß")
                .split(" "));

    assertEquals(0, exitCode);
    var message = keelmq.cluster.stored.get(0);
    assertEquals("grüß", message.bodyText());
    assertEquals(List.of("k1", "k2"), message.keys());
    assertEquals("red", message.tag());
    assertEquals(Map.of("a", "1", "b", "x=y"), message.properties());
    assertEquals("m", message.messageGroup());
  }

  @Test
  void sendsEachLineOfStandardInputAndKeepsItsBytes() {
    keelmq.stdin("one\n\ntwo \r\nlast");

    assertEquals(0, keelmq.run("send", "--topic", "orders", "-o", "json"));

    assertEquals(
        List.of("one", "", "two \r", "last"),
        keelmq.cluster.stored.stream().map(message -> message.bodyText()).toList());
    assertEquals(4, keelmq.outLines().size());
  }

  @Test
  void takesTheKeyOfALineFromBeforeTheSeparator() {
    keelmq.stdin("k1\tone\nk2\ttwo\tthree\n");

    assertEquals(0, keelmq.run("send", "--topic", "orders", "--key-separator", "\\t"));

    assertEquals(List.of("k2"), keelmq.cluster.stored.get(1).keys());
    assertEquals("two\tthree", keelmq.cluster.stored.get(1).bodyText());
  }

  @Test
  void printsTheReceiptsBeforeALineWithoutItsSeparator() {
    keelmq.stdin("k1\tone\nbroken\n");

    assertEquals(
        2, keelmq.run("send", "--topic", "orders", "--key-separator", "\\t", "-o", "json"));

    assertEquals(1, keelmq.outLines().size());
    assertTrue(keelmq.errLines().get(0).contains("line 2"));
  }

  @Test
  void goesOnBehindALineThatFailsAndCounts() {
    keelmq.stdin("one\nrefuse me\nthree\n");

    assertEquals(2, keelmq.run("send", "--topic", "orders"));

    assertEquals(2, keelmq.cluster.stored.size());
    assertEquals("sent 2, failed 1", keelmq.outLines().get(3));
    assertTrue(
        keelmq.errLines().get(0).startsWith("keelmq: 2 sent, 1 failed, first line 2: the tag"),
        () -> keelmq.errLines().toString());
  }

  @Test
  void stopsReadingWhenTheTopicIsMissing() {
    var lines = new EndlessLines();
    keelmq.in = lines;

    assertEquals(3, keelmq.run("send", "--topic", "missing", "--quiet"));
    assertTrue(lines.given < EndlessLines.LIMIT);
  }

  @Test
  void sendsManyLines() {
    keelmq.in = new EndlessLines();
    assertEquals(0, keelmq.run("send", "--topic", "orders", "--quiet", "-o", "json"));

    long lines = EndlessLines.LIMIT / EndlessLines.LINE.length;
    assertEquals(List.of("{\"sent\":" + lines + ",\"failed\":0}"), keelmq.outLines());
  }

  @Test
  void refusesALineThatIsNoText() {
    keelmq.in = new ByteArrayInputStream(new byte[LineSource.MAX_LINE_BYTES + 100_000]);

    assertEquals(2, keelmq.run("send", "--topic", "orders"));
    assertTrue(keelmq.errLines().get(0).contains("line 1 is longer than the 4 MiB"));
  }

  @Test
  void sendsAFileAsOneMessage(@TempDir Path folder) throws IOException {
    byte[] bytes = {0, 1, '\n', (byte) 0xff};
    Path file = Files.write(folder.resolve("blob"), bytes);

    assertEquals(0, keelmq.run("send", "--topic", "orders", "--file", file.toString()));

    assertArrayEquals(bytes, keelmq.cluster.stored.get(0).bodyBytes());
  }

  @Test
  void saysWhichFileIsMissing() {
    assertEquals(2, keelmq.run("send", "--topic", "orders", "--file", "/nowhere/at-all"));
    assertTrue(keelmq.errLines().get(0).contains("--file /nowhere/at-all cannot be read"));
  }

  /** A line again and again, up to a limit. */
  private static final class EndlessLines extends InputStream {
    static final byte[] LINE = {'l', 'i', 'n', '\n'};
    static final long LIMIT = 4L * 200_000;

    long given;

    @Override
    public int read() {
      return given == LIMIT ? -1 : LINE[(int) (given++ % LINE.length)];
    }

    @Override
    public int read(byte[] into, int from, int count) {
      int n = 0;
      while (n < count && given < LIMIT) {
        into[from + n++] = (byte) read();
      }
      return n == 0 ? -1 : n;
    }
  }
}
