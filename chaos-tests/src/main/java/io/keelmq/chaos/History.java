package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * What the clients of a run saw, in the order in which they saw it: a file of small records,
 * written while the run goes on and read afterwards as a stream.
 *
 * <p>Thread-safe: the lock guards the file, and gives events of one thread and their effects on
 * others the order in which they happened.
 */
final class History implements AutoCloseable {

  private static final int BUFFER_BYTES = 256 * 1024;
  private static final int INVOKE = 1;
  private static final int OK = 2;
  private static final int FAIL = 3;
  private static final int UNKNOWN = 4;
  private static final int DELIVERED = 5;

  private final Path file;
  private final LongSupplier nanoClock;
  private final DataOutputStream out;
  private boolean closed;

  private History(Path file, LongSupplier nanoClock, DataOutputStream out) {
    this.file = file;
    this.nanoClock = nanoClock;
    this.out = out;
  }

  static History create(Path file, LongSupplier nanoClock) throws IOException {
    return new History(
        file,
        nanoClock,
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES)));
  }

  void invoke(int producer, int key, long seq) {
    write(INVOKE, producer, key, seq, 0, 0);
  }

  void ok(int producer, long seq, int queue, long offset) {
    write(OK, producer, 0, seq, queue, offset);
  }

  void fail(int producer, long seq) {
    write(FAIL, producer, 0, seq, 0, 0);
  }

  void unknown(int producer, long seq) {
    write(UNKNOWN, producer, 0, seq, 0, 0);
  }

  void delivered(int producer, int key, long seq, int queue, long offset) {
    write(DELIVERED, producer, key, seq, queue, offset);
  }

  /** No more is written: a send that ends later has no end in the history. Idempotent. */
  synchronized void seal() {
    if (!closed) {
      closed = true;
      try {
        out.close();
      } catch (IOException e) {
        throw new UncheckedIOException("cannot write " + file, e);
      }
    }
  }

  @Override
  public void close() {
    seal();
  }

  /** Hands out the events of a sealed history, in order. */
  void replay(Consumer<Event> to) {
    try (var in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES))) {
      while (true) {
        int type = in.read();
        if (type < 0) {
          return;
        }
        to.accept(read(type, in));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private synchronized void write(
      int type, int producer, int key, long seq, int queue, long offset) {
    if (closed) {
      return;
    }
    try {
      out.writeByte(type);
      out.writeInt(producer);
      out.writeInt(key);
      out.writeLong(seq);
      out.writeInt(queue);
      out.writeLong(offset);
      // Read under the lock, so that times rise along the file.
      out.writeLong(nanoClock.getAsLong());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  private static Event read(int type, DataInputStream in) throws IOException {
    int producer = in.readInt();
    int key = in.readInt();
    long seq = in.readLong();
    int queue = in.readInt();
    long offset = in.readLong();
    long nanos = in.readLong();
    return switch (type) {
      case INVOKE -> new Event.Invoke(producer, key, seq, nanos);
      case OK -> new Event.Ok(producer, seq, queue, offset, nanos);
      case FAIL -> new Event.Fail(producer, seq, nanos);
      case UNKNOWN -> new Event.Unknown(producer, seq, nanos);
      case DELIVERED -> new Event.Delivered(producer, key, seq, queue, offset, nanos);
      default -> throw new EOFException("no event has type " + type);
    };
  }
}
