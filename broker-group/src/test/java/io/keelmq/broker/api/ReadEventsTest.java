package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.protobuf.ByteString;
import io.keelmq.broker.state.StateView.Source;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.v1.Message;
import io.keelmq.v1.MessageSource;
import io.keelmq.v1.ReadBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ReadEventsTest {

  private static final int POSITION = 3;

  private final ByteBuffer entry = entry("a", "b", "c", "d");

  @Test
  void givesPartOfARunAsADeadLetterAndWhereItComesFrom() throws IOException {
    // Of four messages, the second and third are dead: offsets 7 and 8 of the dead letter topic.
    ReadCursor cursor = cursor(7, letter(7, 2, 1, new Source(5, 1, 41)));

    ReadBatch batch = ReadEvents.batch(cursor, entry, 1_000, id -> "orders" + id);

    assertEquals(7, batch.getFirstOffset());
    assertEquals(2, batch.getCount());
    assertEquals("bc", bodies(batch));
    assertEquals(source("orders5", 1, 41), batch.getSource());
  }

  @Test
  void movesTheSourceWithTheCursor() throws IOException {
    ReadCursor cursor = cursor(8, letter(7, 2, 1, new Source(5, 1, 41)));

    ReadBatch batch = ReadEvents.batch(cursor, entry, 1_000, id -> "");

    assertEquals("c", bodies(batch));
    assertEquals(source("", 1, 42), batch.getSource());
  }

  @Test
  void hasNoSourceElsewhere() throws IOException {
    var run = new StoredRun(7, 4, 1, POSITION, entry.capacity() - POSITION, 99);

    ReadBatch batch = ReadEvents.batch(cursor(7, run), entry, 1_000, id -> "");

    assertEquals("abcd", bodies(batch));
    assertFalse(batch.hasSource());
  }

  private StoredRun letter(long first, int count, int skip, Source source) {
    int bytes = entry.capacity() - POSITION;
    return new StoredRun(first, count, 1, POSITION, bytes, 99, skip, Optional.of(source));
  }

  private static ReadCursor cursor(long next, StoredRun run) {
    var cursor = new ReadCursor(new ParkedReads.Key(1, 0), null, next, 100);
    cursor.runs.add(run);
    return cursor;
  }

  private static MessageSource source(String topic, int queue, long offset) {
    return MessageSource.newBuilder().setTopic(topic).setQueue(queue).setOffset(offset).build();
  }

  private static ByteBuffer entry(String... bodies) {
    var bytes = ByteString.newOutput();
    bytes.write(new byte[POSITION], 0, POSITION);
    try {
      for (String body : bodies) {
        Message.newBuilder().setBody(ByteString.copyFromUtf8(body)).build().writeDelimitedTo(bytes);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return ByteBuffer.wrap(bytes.toByteString().toByteArray());
  }

  private static String bodies(ReadBatch batch) throws IOException {
    var in = batch.getRecords().newInput();
    var bodies = new StringBuilder();
    Message message;
    while ((message = Message.parseDelimitedFrom(in)) != null) {
      bodies.append(message.getBody().toStringUtf8());
    }
    return bodies.toString();
  }
}
