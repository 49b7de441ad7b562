package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;

/**
 * What the clients of a process saw, in the order in which they saw it: a file of small records,
 * written while the run goes on and read afterwards as a stream.
 *
 * <p>Thread-safe: the lock guards the file, and gives events of one thread and their effects on
 * others the order in which they happened. Over processes the monotonic clock does that, which they
 * share: {@link #replayAll} merges their files.
 */
final class History implements AutoCloseable {

  private static final int BUFFER_BYTES = 256 * 1024;

  private final Path file;
  private final LongSupplier nanoClock;
  private final OutputStream out;
  private final ByteArrayOutputStream record = new ByteArrayOutputStream(128);
  private boolean closed;

  private History(Path file, LongSupplier nanoClock, OutputStream out) {
    this.file = file;
    this.nanoClock = nanoClock;
    this.out = out;
  }

  static History create(Path file, LongSupplier nanoClock) throws IOException {
    return new History(
        file, nanoClock, new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES));
  }

  /**
   * For a process that will be killed: what was written is with the kernel before the call returns,
   * one write for each event.
   */
  static History createUnbuffered(Path file, LongSupplier nanoClock) throws IOException {
    return new History(file, nanoClock, Files.newOutputStream(file));
  }

  void invoke(int producer, int key, long seq) {
    add(now -> new Event.Invoke(producer, key, seq, now));
  }

  void ok(int producer, long seq, int queue, long offset) {
    add(now -> new Event.Ok(producer, seq, queue, offset, now));
  }

  void fail(int producer, long seq) {
    add(now -> new Event.Fail(producer, seq, now));
  }

  void unknown(int producer, long seq) {
    add(now -> new Event.Unknown(producer, seq, now));
  }

  void delivered(int producer, int key, long seq, int queue, long offset) {
    add(now -> new Event.Delivered(producer, key, seq, queue, offset, now));
  }

  /**
   * Writes what happens now.
   *
   * @param happens makes the event of its nanoseconds
   */
  synchronized void add(LongFunction<Event> happens) {
    if (closed) {
      return;
    }
    try {
      record.reset();
      // The clock is read under the lock, so that times rise along the file.
      EventCodec.write(happens.apply(nanoClock.getAsLong()), new DataOutputStream(record));
      record.writeTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** Hands out the events until now, in order, while more are written. */
  void replaySoFar(Consumer<Event> to) {
    synchronized (this) {
      try {
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException("cannot write " + file, e);
      }
    }
    replay(to);
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
    replayAll(List.of(file), to);
  }

  /**
   * Hands out the events of several files in the order of their times; at equal times those of the
   * earlier file first.
   */
  static void replayAll(List<Path> files, Consumer<Event> to) {
    var open = new ArrayList<Source>();
    try {
      var heads =
          new PriorityQueue<Source>(
              Comparator.<Source>comparingLong(source -> source.head.nanos())
                  .thenComparingInt(source -> source.number));
      for (Path file : files) {
        var source = new Source(file, open.size());
        open.add(source);
        if (source.advance()) {
          heads.add(source);
        }
      }
      while (!heads.isEmpty()) {
        Source first = heads.remove();
        to.accept(first.head);
        if (first.advance()) {
          heads.add(first);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + files, e);
    } finally {
      open.forEach(Source::close);
    }
  }

  /** One file that is being read. */
  private static final class Source {
    private final int number;
    private final DataInputStream in;
    private Event head;

    Source(Path file, int number) throws IOException {
      this.number = number;
      this.in =
          new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES));
    }

    boolean advance() throws IOException {
      int type = in.read();
      if (type < 0) {
        return false;
      }
      try {
        head = EventCodec.read(type, in);
        return true;
      } catch (EOFException e) {
        // The process was killed within a write: the event had not happened yet.
        return false;
      }
    }

    void close() {
      try {
        in.close();
      } catch (IOException e) {
        throw new UncheckedIOException("cannot close a history", e);
      }
    }
  }
}
