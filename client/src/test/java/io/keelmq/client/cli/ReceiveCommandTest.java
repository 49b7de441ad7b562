package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.client.ClientValues;
import io.keelmq.v1.Message;
import io.keelmq.v1.Topic;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReceiveCommandTest {
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
  void printsThenAcknowledgesThatAndNoMore() {
    store("a", "b", "c");

    assertEquals(0, keelmq.run("receive --topic orders --group g --max 2 --raw".split(" ")));

    assertEquals("a\nb\n", keelmq.out());
    assertEquals(List.of(0L, 1L), keelmq.cluster.acks);
    assertEquals(List.of("closed"), keelmq.cluster.ends);
    assertEquals(new Cluster.ReceiverOptions("g", "orders", "", 2), keelmq.cluster.lastReceiver);
  }

  @Test
  void saysWhatRetentionTookBeforeItWasConsumed() {
    store("a");
    keelmq.cluster.lost.add(ClientValues.trimmed("orders", 0, 5, 9));

    assertEquals(0, keelmq.run("receive --topic orders --group g --max 1 --raw".split(" ")));

    assertEquals("a\n", keelmq.out());
    assertTrue(keelmq.errLines().get(0).contains("offsets 5 to 8 were removed by retention"));
  }

  @Test
  void leavesLeasesAloneWithoutAck() {
    store("a");

    assertEquals(0, keelmq.run("receive --topic orders --group g --no-ack".split(" ")));

    assertEquals(List.of(), keelmq.cluster.acks);
    // Before anything else: closing gives back, which would count as no attempt.
    assertEquals(List.of("abandoned", "closed"), keelmq.cluster.ends);
  }

  @Test
  void endsWithWhatThereWasWhenTheTimeIsOver() {
    store("a");

    assertEquals(
        0, keelmq.run("receive --topic orders --group g --max 5 --wait 50ms -o json".split(" ")));

    assertEquals(1, keelmq.outLines().size());
    assertTrue(
        keelmq.out().contains("\"consumer_group\":\"g\",\"attempt\":2}"), () -> keelmq.out());
    assertEquals(List.of(0L), keelmq.cluster.acks);
  }

  @Test
  void saysWhichMessagesMayComeAgain() {
    store("a", "lose me");

    int exitCode = keelmq.run("receive --topic orders --group g --max 2".split(" "));

    assertEquals(5, exitCode);
    assertEquals(List.of(0L), keelmq.cluster.acks);
    assertTrue(
        keelmq.errLines().get(0).contains("1 printed messages were not acknowledged"),
        () -> keelmq.errLines().toString());
  }

  @Test
  void acknowledgesNothingThatNobodyRead() {
    store("a");
    keelmq.outStream =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("Broken pipe");
          }
        };

    assertEquals(0, keelmq.run("receive --topic orders --group g".split(" ")));

    assertEquals(List.of(), keelmq.cluster.acks);
    assertEquals(List.of("closed"), keelmq.cluster.ends);
  }

  @Test
  void tellsAMissingTopic() {
    assertEquals(3, keelmq.run("receive --topic none --group g".split(" ")));
  }
}
