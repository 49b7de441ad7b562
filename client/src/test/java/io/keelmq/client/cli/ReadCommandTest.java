package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.client.ClientValues;
import io.keelmq.client.StartAt;
import io.keelmq.v1.Message;
import io.keelmq.v1.Topic;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReadCommandTest {
  private final CommandLineRun keelmq = new CommandLineRun();

  @BeforeEach
  void makeTopic() {
    keelmq.cluster.topics.put("orders", Topic.newBuilder().setTopic("orders").build());
  }

  private void store(String... bodies) {
    for (String body : bodies) {
      keelmq.cluster.store(Message.newBuilder().setBody(ByteString.copyFromUtf8(body)).build());
    }
  }

  @Test
  void printsBodiesAloneWithRaw() {
    store("one", "zwei ü", "");

    assertEquals(0, keelmq.run("read", "--topic", "orders", "--raw"));
    assertEquals("one\nzwei ü\n\n", keelmq.out());
  }

  @Test
  void showsControlCharactersInsteadOfObeyingThem() {
    store("a\u001b[2Jb");

    keelmq.run("read", "--topic", "orders");

    assertTrue(keelmq.out().contains("a\\x1b[2Jb"), keelmq::out);
  }

  @Test
  void endsAfterMaxMessagesAndCommitsThoseOnly() {
    store("a", "b", "c");

    assertEquals(0, keelmq.run("read --topic orders --max 2 --group g".split(" ")));

    assertEquals(3, keelmq.outLines().size());
    assertEquals(List.of("g at 2"), keelmq.cluster.commits);
    assertEquals(StartAt.committed("g"), keelmq.cluster.lastSource.from());
  }

  @Test
  void readsFromTheGivenPlace() {
    var cases =
        List.of(
            List.of("earliest", StartAt.earliest()),
            List.of("latest", StartAt.latest()),
            List.of("17", StartAt.offset(17)),
            List.of("-5m", StartAt.time(CommandLineRun.NOW.minusSeconds(300))),
            List.of("2026-01-31T12:00:00Z", StartAt.time(Instant.parse("2026-01-31T12:00:00Z"))),
            List.of(
                "2026-01-31T12:00:00+01:00", StartAt.time(Instant.parse("2026-01-31T11:00:00Z"))));
    for (var one : cases) {
      assertEquals(0, keelmq.run("read", "--topic", "orders", "--from", (String) one.get(0)));
      assertEquals(one.get(1), keelmq.cluster.lastSource.from());
    }
    assertEquals(0, keelmq.run("read", "--topic", "orders", "--from", "2026-01-31"));
    assertInstanceOf(StartAt.Fixed.class, keelmq.cluster.lastSource.from());
  }

  @Test
  void tellsOfMessagesLostToRetentionAndGoesOn() {
    store("a");
    keelmq.cluster.pollFailures.add(ClientValues.trimmed("orders", 0, 5, 9));

    assertEquals(0, keelmq.run("read", "--topic", "orders", "--raw"));

    assertEquals("a\n", keelmq.out());
    assertTrue(keelmq.errLines().get(0).contains("offsets 5 to 8 were removed by retention"));
  }

  @Test
  void waitsForAClusterThatIsAwayWhenFollowing() {
    store("a");
    keelmq.cluster.pollFailures.add(ClientValues.unavailable("no replica served it for 30 s"));
    keelmq.cluster.pollFailures.add(ClientValues.unavailable("no replica served it for 30 s"));

    assertEquals(0, keelmq.run("read --topic orders --follow --max 1 --raw".split(" ")));

    assertEquals("a\n", keelmq.out());
    assertEquals(1, keelmq.errLines().size());
  }

  @Test
  void endsQuietlyWhenItsReaderHasGone() {
    store("a");
    keelmq.outStream = failing("Broken pipe");

    assertEquals(0, keelmq.run("read", "--topic", "orders"));
    assertEquals(List.of(), keelmq.errLines());
    assertEquals(List.of(), keelmq.cluster.commits);
  }

  @Test
  void saysThatItsOutputTakesNoMore() {
    store("a");
    keelmq.outStream = failing("No space left on device");

    assertEquals(1, keelmq.run("read", "--topic", "orders"));
    assertEquals(1, keelmq.errLines().size());
    assertTrue(keelmq.errLines().get(0).contains("No space left on device"));
  }

  private static OutputStream failing(String why) {
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        throw new IOException(why);
      }
    };
  }
}
