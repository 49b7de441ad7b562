package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.client.MessagePlace;
import io.keelmq.v1.Message;
import io.keelmq.v1.Topic;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DlqCommandTest {
  private static final MessagePlace SOURCE = new MessagePlace("orders", 3, 40);

  private final CommandLineRun keelmq = new CommandLineRun();

  @BeforeEach
  void makeTopic() {
    keelmq.cluster.topics.put("orders", Topic.newBuilder().setTopic("orders").build());
  }

  private void bury(String id, MessagePlace source) {
    keelmq.cluster.bury(
        Message.newBuilder()
            .setMessageId(id)
            .setTag("t")
            .setMessageGroup("g")
            .setBody(ByteString.copyFromUtf8("body of " + id))
            .build(),
        source);
  }

  @Test
  void listsAtMostSoMany() {
    bury("a", SOURCE);
    bury("b", SOURCE);
    bury("c", null);

    assertEquals(0, keelmq.run("dlq list billing --max 2".split(" ")));

    assertEquals(3, keelmq.outLines().size());
    assertTrue(keelmq.outLines().get(1).contains("orders/3@40"), keelmq::out);
  }

  @Test
  void isEmptyWhereNothingDied() {
    assertEquals(0, keelmq.run("dlq list billing".split(" ")));
    assertEquals("", keelmq.out());
    assertEquals(3, keelmq.run("dlq list nobody".split(" ")));
  }

  @Test
  void sendsAgainUnderAnIdThatARepeatHasToo() {
    bury("a", SOURCE);
    bury("b", SOURCE);

    assertEquals(0, keelmq.run("dlq resend billing --all -o json".split(" ")));
    assertEquals(
        "{\"consumer_group\":\"billing\",\"read\":2,\"resent\":2,\"duplicates\":0,\"failed\":0}\n",
        keelmq.out());
    assertEquals(0, keelmq.run("dlq resend billing --all -o json".split(" ")));
    assertEquals(
        "{\"consumer_group\":\"billing\",\"read\":2,\"resent\":0,\"duplicates\":2,\"failed\":0}\n",
        keelmq.out());

    assertEquals(2, keelmq.cluster.sentOnce.size());
    Message first = keelmq.cluster.sentOnce.values().iterator().next();
    assertTrue(first.getMessageId().startsWith("dlq-billing-0-"), first.getMessageId());
    assertEquals("a", first.getPropertiesOrThrow(Resending.ORIGINAL_ID));
    assertEquals("t", first.getTag());
    assertEquals("g", first.getMessageGroup());
    assertEquals("body of a", first.getBody().toStringUtf8());
  }

  @Test
  void keepsTheFirstIdOfWhatDiesTwice() {
    keelmq.cluster.bury(
        Message.newBuilder()
            .setMessageId("dlq-x-1")
            .putProperties(Resending.ORIGINAL_ID, "born")
            .build(),
        SOURCE);

    keelmq.run("dlq resend billing --all".split(" "));

    Message sent = keelmq.cluster.sentOnce.values().iterator().next();
    assertEquals("born", sent.getPropertiesOrThrow(Resending.ORIGINAL_ID));
  }

  @Test
  void sendsARangeWithItsEnd() {
    for (String id : List.of("a", "b", "c", "d")) {
      bury(id, SOURCE);
    }

    assertEquals(0, keelmq.run("dlq resend billing --offset 1..2".split(" ")));

    assertEquals("read 2, sent again 2, were sent again before 0, failed 0\n", keelmq.out());
    assertEquals(
        List.of("b", "c"),
        keelmq.cluster.sentOnce.values().stream()
            .map(sent -> sent.getPropertiesOrThrow(Resending.ORIGINAL_ID))
            .toList());
  }

  @Test
  void tellsWhatHasNoPlaceToGoTo() {
    bury("a", new MessagePlace("", 0, 5));
    bury("b", SOURCE);

    assertEquals(5, keelmq.run("dlq resend billing --all -o json".split(" ")));

    assertTrue(keelmq.out().contains("\"resent\":1,\"duplicates\":0,\"failed\":1"), keelmq::out);
    assertTrue(
        keelmq.errLines().get(0).contains("at offset 0"), () -> keelmq.errLines().toString());
    assertEquals(0, keelmq.run("dlq resend billing --all --to orders".split(" ")));
  }

  @Test
  void shortensTheIdOfAGroupWithALongName() {
    String group = "g".repeat(120);
    keelmq.cluster.topics.put("%DLQ%" + group, Topic.getDefaultInstance());
    bury("a", SOURCE);

    assertEquals(0, keelmq.run("dlq", "resend", group, "--all"));

    String id = keelmq.cluster.sentOnce.keySet().iterator().next();
    assertTrue(id.length() <= 128, id);
    assertFalse(id.contains("ggg"), id);
  }
}
