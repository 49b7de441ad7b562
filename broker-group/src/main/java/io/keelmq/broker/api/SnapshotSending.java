package io.keelmq.broker.api;

import com.google.protobuf.UnsafeByteOperations;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.SnapshotCopy;
import io.keelmq.v1.Code;
import io.keelmq.v1.CopySnapshotResponse;
import io.keelmq.v1.SnapshotFile;
import io.keelmq.v1.SnapshotHeader;
import io.keelmq.v1.SnapshotPiece;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends a snapshot of this replica to whoever makes a backup of it, one at a time and as fast as it
 * is taken, on a thread of its own. Thread-safe.
 */
final class SnapshotSending {

  private static final Logger LOG = LoggerFactory.getLogger(SnapshotSending.class);

  static final int PIECE_BYTES = 256 << 10;

  private static final long READ_POINT_MILLIS = 5_000;

  /** A receiver that takes nothing for so long has gone. */
  private static final long STALLED_SECONDS = 120;

  private final Edge edge;
  private final ReplicaIdentity identity;
  private final ReplicaControl control;
  private final AtomicBoolean sending = new AtomicBoolean();

  SnapshotSending(Edge edge, ReplicaIdentity identity, ReplicaControl control) {
    this.edge = edge;
    this.identity = identity;
    this.control = control;
  }

  /** To be called before the handler of the call returns. */
  void send(StreamObserver<CopySnapshotResponse> caller) {
    var receiver = new Receiver((ServerCallStreamObserver<CopySnapshotResponse>) caller);
    if (!edge.initialized()) {
      receiver.refuse(Refusal.notInitialized());
      return;
    }
    if (!sending.compareAndSet(false, true)) {
      receiver.refuse(
          new Refusal(
              Code.TOO_MANY_REQUESTS,
              "another copy of a snapshot is being sent from here: wait for it, or ask another replica"));
      return;
    }
    // What was acknowledged before the call is in the state of this replica after this.
    edge.replica().readPoint(READ_POINT_MILLIS, point -> reached(point, receiver));
  }

  private void reached(ReadPoint point, Receiver receiver) {
    if (point instanceof ReadPoint.NotReached not) {
      sending.set(false);
      receiver.refuse(Refusal.noLeader("no leader confirmed what is stored: " + not.message()));
      return;
    }
    control
        .lendSnapshot()
        .whenComplete(
            (snapshot, failure) -> {
              if (failure != null) {
                sending.set(false);
                receiver.refuse(ReplicaCalls.refusal(failure));
                return;
              }
              var thread = new Thread(() -> send(snapshot, receiver), "keelmq-snapshot-sending");
              thread.setDaemon(true);
              thread.start();
            });
  }

  private void send(SnapshotCopy snapshot, Receiver receiver) {
    try (snapshot) {
      receiver.send(CopySnapshotResponse.newBuilder().setHeader(header(snapshot)).build());
      for (int i = 0; i < snapshot.files().size(); i++) {
        SnapshotCopy.File file = snapshot.files().get(i);
        for (long at = 0; at < file.bytes(); ) {
          // A new one each time: the bytes are sent as they lie, some time after this.
          var piece = ByteBuffer.allocate((int) Math.min(PIECE_BYTES, file.bytes() - at));
          snapshot.read(file, at, piece);
          at += piece.position();
          receiver.send(
              CopySnapshotResponse.newBuilder()
                  .setPiece(
                      SnapshotPiece.newBuilder()
                          .setFile(i)
                          .setData(UnsafeByteOperations.unsafeWrap(piece.flip())))
                  .build());
        }
      }
      receiver.complete();
      LOG.info(
          "sent a copy of the snapshot at {}, files={}",
          snapshot.about().index(),
          snapshot.files().size());
    } catch (Gone e) {
      LOG.info("a copy of the snapshot was not taken to its end: {}", e.getMessage());
    } catch (IOException e) {
      LOG.error("the snapshot cannot be sent", e);
      receiver.refuse(
          new Refusal(Code.PRECONDITION_FAILED, "the snapshot cannot be read: " + e.getMessage()));
    } catch (RuntimeException e) {
      LOG.error("sending a snapshot failed", e);
      receiver.refuse(Refusal.internal(e));
    } finally {
      sending.set(false);
    }
  }

  private SnapshotHeader header(SnapshotCopy snapshot) {
    var header =
        SnapshotHeader.newBuilder()
            .setClusterId(snapshot.about().clusterId())
            .setBrokerGroup(snapshot.about().brokerGroup())
            .setNode(identity.node())
            .setSoftwareVersion(identity.softwareVersion())
            .setIndex(snapshot.about().index())
            .setTerm(snapshot.about().term());
    for (SnapshotCopy.File file : snapshot.files()) {
      var listed =
          SnapshotFile.newBuilder()
              .setName(file.name())
              .setBytes(file.bytes())
              .setCrc32C(file.checksum());
      file.content()
          .ifPresent(
              held ->
                  listed
                      .setSealed(true)
                      .setLastIndex(held.lastIndex())
                      .setContentCrc32C(held.checksum()));
      header.addFiles(listed);
    }
    return header.build();
  }

  /** The receiver does not want more. */
  private static final class Gone extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Gone(String why) {
      super(why);
    }
  }

  /** Blocks the thread that sends while the receiver has enough. */
  private final class Receiver {
    private final ServerCallStreamObserver<CopySnapshotResponse> caller;
    private final Semaphore changed = new Semaphore(0);

    Receiver(ServerCallStreamObserver<CopySnapshotResponse> caller) {
      this.caller = caller;
      caller.setOnReadyHandler(changed::release);
      caller.setOnCancelHandler(changed::release);
    }

    void send(CopySnapshotResponse response) {
      while (!caller.isReady()) {
        requireThere();
        awaitChange();
      }
      requireThere();
      caller.onNext(response);
    }

    private void requireThere() {
      if (caller.isCancelled()) {
        throw new Gone("the receiver has gone");
      }
    }

    private void awaitChange() {
      try {
        if (!changed.tryAcquire(STALLED_SECONDS, TimeUnit.SECONDS)) {
          refuse(
              new Refusal(
                  Code.TOO_MANY_REQUESTS,
                  "nothing was taken for " + STALLED_SECONDS + " s: ask for the copy anew"));
          throw new Gone("nothing was taken for " + STALLED_SECONDS + " s");
        }
        changed.drainPermits();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new Gone("interrupted");
      }
    }

    void complete() {
      if (!caller.isCancelled()) {
        caller.onCompleted();
      }
    }

    void refuse(Refusal why) {
      if (!caller.isCancelled()) {
        caller.onError(edge.refuse(why));
      }
    }
  }
}
