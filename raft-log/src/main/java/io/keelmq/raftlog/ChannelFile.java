package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file behind two channels: one to write, one to read.
 *
 * <p>Interrupting a thread inside a {@link FileChannel} closes the channel for everybody. API
 * threads read here, and one of them being interrupted must neither end the log's writing nor the
 * others' reading; so reads have a channel of their own, and open it again when that happens.
 */
final class ChannelFile implements DiskFile {

  private final Path path;
  private final FileChannel writing;
  private volatile FileChannel reading;
  private volatile boolean closed;

  ChannelFile(Path path, FileChannel writing) throws IOException {
    this.path = path;
    this.writing = writing;
    try {
      this.reading = openForReading();
    } catch (IOException e) {
      writing.close();
      throw e;
    }
  }

  @Override
  public long size() throws IOException {
    return shielded(FileChannel::size);
  }

  @Override
  public int read(ByteBuffer target, long position) throws IOException {
    int start = target.position();
    return shielded(
        channel -> {
          fill(channel, target.position(start), position);
          return target.position() - start;
        });
  }

  @Override
  public void write(ByteBuffer source, long position) throws IOException {
    long at = position;
    while (source.hasRemaining()) {
      at += writing.write(source, at);
    }
  }

  @Override
  public void truncate(long size) throws IOException {
    writing.truncate(size);
  }

  @Override
  public void force(boolean metadata) throws IOException {
    writing.force(metadata);
  }

  @Override
  public ByteBuffer map() throws IOException {
    return shielded(channel -> channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()));
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    try {
      writing.close();
    } finally {
      reading.close();
    }
  }

  private interface Reading<T> {
    T from(FileChannel channel) throws IOException;
  }

  /**
   * Reads to the end even if this thread, or another one inside the same channel, is interrupted.
   */
  private <T> T shielded(Reading<T> action) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        FileChannel channel = reading;
        try {
          return action.from(channel);
        } catch (ClosedByInterruptException e) {
          // Kept, and set again below: this is short, and the caller may still see it.
          interrupted = Thread.interrupted() || interrupted;
          reopen(channel);
        } catch (ClosedChannelException e) {
          reopen(channel);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static void fill(FileChannel channel, ByteBuffer target, long position)
      throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int n = channel.read(target, at);
      if (n < 0) {
        return;
      }
      at += n;
    }
  }

  private synchronized void reopen(FileChannel broken) throws IOException {
    if (closed) {
      throw new ClosedChannelException();
    }
    if (reading == broken) {
      reading = openForReading();
    }
  }

  private FileChannel openForReading() throws IOException {
    return FileChannel.open(path, StandardOpenOption.READ);
  }
}
