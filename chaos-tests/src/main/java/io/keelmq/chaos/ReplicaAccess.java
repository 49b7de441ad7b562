package io.keelmq.chaos;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.keelmq.chaos.checks.Stored;
import io.keelmq.local.Node;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.Message;
import io.keelmq.v1.ReadBatch;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StreamsGrpc;
import io.keelmq.v1.TakeSnapshotRequest;
import io.keelmq.v1.TakeSnapshotResponse;
import io.keelmq.v1.Trimmed;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/** One replica, asked by its own address: no route, no retry, no other replica's word. */
final class ReplicaAccess implements AutoCloseable {

  private static final int MAX_MESSAGE_BYTES = 16 << 20;
  private static final long STATUS_SECONDS = 30;

  /** Of a queue with all that a long run has sent, on a machine that is busy with others. */
  private static final long READ_SECONDS = 600;

  private final String node;
  private final ManagedChannel channel;

  ReplicaAccess(Node node) {
    this.node = node.id();
    this.channel =
        Grpc.newChannelBuilder(node.client().toString(), InsecureChannelCredentials.create())
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .build();
  }

  String node() {
    return node;
  }

  ReplicaStatus status() {
    return AdminGrpc.newBlockingStub(channel)
        .withDeadlineAfter(STATUS_SECONDS, TimeUnit.SECONDS)
        .getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance());
  }

  /** Returns when the replica has published a snapshot of itself. */
  TakeSnapshotResponse takeSnapshot() {
    return AdminGrpc.newBlockingStub(channel)
        .withDeadlineAfter(READ_SECONDS, TimeUnit.SECONDS)
        .takeSnapshot(TakeSnapshotRequest.getDefaultInstance());
  }

  /**
   * Hands out everything that the replica has stored of a topic.
   *
   * @return by queue, how many messages it had
   * @throws IllegalStateException if the stream ended before the end it had named
   */
  SortedMap<Integer, Long> read(String topic, Consumer<Stored> to) {
    return read(
        topic,
        to,
        trimmed -> {
          throw new IllegalStateException(
              "replica " + node + " has trimmed messages of a topic without retention: " + trimmed);
        });
  }

  /** The same of a topic whose retention may take messages while they are read. */
  SortedMap<Integer, Long> readWhatIsKept(String topic, Consumer<Stored> to) {
    return read(topic, to, trimmed -> {});
  }

  private SortedMap<Integer, Long> read(
      String topic, Consumer<Stored> to, Consumer<Trimmed> onTrimmed) {
    var request = ReadRequest.newBuilder().setTopic(topic).build();
    var ends = new TreeMap<Integer, Long>();
    var next = new TreeMap<Integer, Long>();
    // Cancelled if `to` throws: the stream would stay open otherwise.
    Context.CancellableContext call = Context.current().withCancellation();
    Context before = call.attach();
    try {
      Iterator<ReadResponse> events =
          StreamsGrpc.newBlockingStub(channel)
              .withDeadlineAfter(READ_SECONDS, TimeUnit.SECONDS)
              .read(request);
      while (events.hasNext()) {
        ReadResponse event = events.next();
        if (event.hasOpened()) {
          event
              .getOpened()
              .getQueuesList()
              .forEach(
                  queue -> {
                    ends.put(queue.getQueue(), queue.getEndOffset());
                    next.put(queue.getQueue(), queue.getStartOffset());
                  });
        } else if (event.hasBatch()) {
          ReadBatch batch = event.getBatch();
          unpack(batch, to);
          next.put(batch.getQueue(), batch.getFirstOffset() + batch.getCount());
        } else if (event.hasTrimmed()) {
          onTrimmed.accept(event.getTrimmed());
          next.put(event.getTrimmed().getQueue(), event.getTrimmed().getFirstOffset());
        }
      }
    } finally {
      call.detach(before);
      call.cancel(null);
    }
    ends.forEach(
        (queue, end) -> {
          if (next.getOrDefault(queue, 0L) < end) {
            throw new IllegalStateException(
                "replica %s: the stream ended at offset %d of queue %d, expected %d"
                    .formatted(node, next.getOrDefault(queue, 0L), queue, end));
          }
        });
    return ends;
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  private void unpack(ReadBatch batch, Consumer<Stored> to) {
    try {
      CodedInputStream records = batch.getRecords().newCodedInput();
      for (int i = 0; i < batch.getCount(); i++) {
        int bytes = records.readUInt32();
        Message message = Message.parseFrom(ByteString.copyFrom(records.readRawBytes(bytes)));
        to.accept(stored(batch.getQueue(), batch.getFirstOffset() + i, message));
      }
      if (!records.isAtEnd()) {
        throw new IllegalStateException(
            "replica " + node + ": bytes behind the " + batch.getCount() + " records of a batch");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "replica %s: queue %d offset %d: the records of a batch are damaged"
              .formatted(node, batch.getQueue(), batch.getFirstOffset()),
          e);
    }
  }

  private Stored stored(int queue, long offset, Message message) {
    byte[] body = message.getBody().toByteArray();
    var crc = new CRC32C();
    crc.update(body);
    long hash = crc.getValue() << 32 | (Arrays.hashCode(body) & 0xffff_ffffL);
    Optional<Payload> payload = Payload.decode(body);
    return payload
        .map(p -> new Stored(node, queue, offset, true, p.producer(), p.key(), p.seq(), hash))
        .orElse(new Stored(node, queue, offset, false, 0, 0, 0, hash));
  }
}
