package io.keelmq.failpoint;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.SyncFailedException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** The one failpoint at which this process dies, and at which of its hits. Thread-safe. */
final class Armed {

  private final Failpoint failpoint;
  private final long hit;
  private final AtomicLong hits = new AtomicLong();

  private Armed(Failpoint failpoint, long hit) {
    this.failpoint = failpoint;
    this.hit = hit;
  }

  /**
   * What a property asks for.
   *
   * @param value {@code NAME} or {@code NAME:hit}, hits counted from 1
   * @throws IllegalArgumentException if it is neither; a test must not pass because of a typo
   */
  static Optional<Armed> parse(Optional<String> value) {
    return value.map(Armed::parse);
  }

  private static Armed parse(String value) {
    int colon = value.indexOf(':');
    String name = colon < 0 ? value : value.substring(0, colon);
    long hit = colon < 0 ? 1 : Long.parseLong(value.substring(colon + 1));
    if (hit < 1) {
      throw new IllegalArgumentException(value + ": hits are counted from 1");
    }
    return new Armed(Failpoint.valueOf(name), hit);
  }

  /** True for the hit that it was armed for, and for no other. */
  boolean isDue(Failpoint here) {
    return here == failpoint && hits.incrementAndGet() == hit;
  }

  /** Dies at the hit that was asked for. */
  void reached(Failpoint here) {
    if (isDue(here)) {
      die();
    }
  }

  /** Says so and ends the process as SIGKILL would: no hooks, no buffers, nothing closed. */
  private void die() {
    try {
      // Past System.err, which others may hold locked or have replaced.
      var out = new FileOutputStream(FileDescriptor.err);
      out.write((this + "\n").getBytes(StandardCharsets.UTF_8));
      out.getFD().sync();
    } catch (SyncFailedException e) {
      // A pipe or a terminal: it was handed over with the write.
    } catch (IOException e) {
      // Nobody listens. The exit code tells the rest.
    } finally {
      Runtime.getRuntime().halt(Failpoint.EXIT_CODE);
    }
  }

  /** What the dying process writes, as one line. */
  @Override
  public String toString() {
    return Failpoint.line(failpoint, hit);
  }
}
