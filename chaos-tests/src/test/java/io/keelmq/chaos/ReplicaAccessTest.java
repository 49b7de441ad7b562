package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import io.keelmq.chaos.checks.Stored;
import io.keelmq.local.Node;
import io.keelmq.v1.Message;
import io.keelmq.v1.ReadBatch;
import io.keelmq.v1.ReadOpened;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.StreamsGrpc;
import io.keelmq.v1.Trimmed;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Over a real connection to a replica whose answers the test writes. */
class ReplicaAccessTest {

  private final List<ReadResponse> answers = new ArrayList<>();
  private Server server;
  private ReplicaAccess replica;

  @BeforeEach
  void serve() throws IOException {
    var streams =
        new StreamsGrpc.StreamsImplBase() {
          @Override
          public void read(ReadRequest request, StreamObserver<ReadResponse> out) {
            answers.forEach(out::onNext);
            out.onCompleted();
          }
        };
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(streams)
            .build()
            .start();
    replica = new ReplicaAccess(new Node("n1", Node.Role.BROKER, server.getPort(), 1, 1));
  }

  @AfterEach
  void end() {
    replica.close();
    server.shutdownNow();
  }

  @Test
  void handsOutEveryMessageWithItsPlace() {
    opened(0, 2);
    batch(0, 0, body(1, 2, 3), body(1, 2, 4));

    List<Stored> read = readAll();

    assertEquals(2, read.size());
    assertEquals(1, read.get(1).offset());
    assertEquals(4, read.get(1).seq());
    assertEquals(2, read.get(1).key());
    assertTrue(read.get(1).intact());
  }

  @Test
  void tellsABodyOfNobody() {
    opened(0, 2);
    byte[] damaged = body(1, 2, 3);
    damaged[10] ^= 1;
    batch(0, 0, damaged, new byte[0]);

    List<Stored> read = readAll();

    assertFalse(read.get(0).intact());
    assertFalse(read.get(1).intact());
  }

  @Test
  void refusesAStreamThatEndsEarly() {
    opened(0, 3);
    batch(0, 0, body(1, 2, 3));

    var failure = assertThrows(IllegalStateException.class, this::readAll);

    assertTrue(failure.getMessage().contains("ended at offset 1 of queue 0, expected 3"));
  }

  @Test
  void refusesTrimmedMessages() {
    opened(0, 3);
    answers.add(ReadResponse.newBuilder().setTrimmed(Trimmed.newBuilder().setQueue(0)).build());

    assertThrows(IllegalStateException.class, this::readAll);
  }

  @Test
  void refusesRecordsThatAreNotTheCountedMessages() {
    opened(0, 1);
    batch(0, 0, body(1, 2, 3));
    var batch = answers.remove(1).getBatch();

    answers.add(answer(batch.toBuilder().setRecords(batch.getRecords().substring(0, 9))));
    assertThrows(UncheckedIOException.class, this::readAll);
    answers.remove(1);
    answers.add(
        answer(batch.toBuilder().setRecords(batch.getRecords().concat(batch.getRecords()))));
    assertThrows(IllegalStateException.class, this::readAll);
  }

  private List<Stored> readAll() {
    var read = new ArrayList<Stored>();
    replica.read("t", read::add);
    return read;
  }

  private static byte[] body(int producer, int key, long seq) {
    return new Payload(producer, key, seq).encode(64);
  }

  private void opened(int queue, long end) {
    var range = ReadOpened.QueueRange.newBuilder().setQueue(queue).setEndOffset(end);
    answers.add(
        ReadResponse.newBuilder().setOpened(ReadOpened.newBuilder().addQueues(range)).build());
  }

  private void batch(int queue, long firstOffset, byte[]... bodies) {
    var records = ByteString.newOutput();
    try {
      for (byte[] body : bodies) {
        Message.newBuilder().setBody(ByteString.copyFrom(body)).build().writeDelimitedTo(records);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    answers.add(
        answer(
            ReadBatch.newBuilder()
                .setQueue(queue)
                .setFirstOffset(firstOffset)
                .setCount(bodies.length)
                .setRecords(records.toByteString())));
  }

  private static ReadResponse answer(ReadBatch.Builder batch) {
    return ReadResponse.newBuilder().setBatch(batch).build();
  }
}
