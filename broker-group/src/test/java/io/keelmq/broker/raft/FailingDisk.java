package io.keelmq.broker.raft;

import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.DiskFile;
import io.keelmq.raftlog.RealDisk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A disk that works until it is told to fail or stall every force, to link no more, or to do
 * something else first.
 */
final class FailingDisk implements Disk {

  private final Disk real = new RealDisk();
  private volatile boolean failing;
  private volatile CountDownLatch stall = new CountDownLatch(0);
  private final AtomicReference<Runnable> beforeForce = new AtomicReference<>(() -> {});
  private final AtomicInteger linksLeft = new AtomicInteger(Integer.MAX_VALUE);

  void failForces() {
    failing = true;
  }

  /** Does something else before the next force of a file, on its thread. */
  void beforeNextForce(Runnable action) {
    beforeForce.set(action);
  }

  /** Keeps every force waiting until {@link #endStall}. */
  void stallForces() {
    stall = new CountDownLatch(1);
  }

  void endStall() {
    stall.countDown();
  }

  /** The links after the next {@code count} fail. */
  void failLinksAfter(int count) {
    linksLeft.set(count);
  }

  private void fail() throws IOException {
    if (failing) {
      throw new IOException("Input/output error");
    }
  }

  private void awaitStall() throws IOException {
    try {
      stall.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Override
  public void createFolder(Path folder) throws IOException {
    real.createFolder(folder);
  }

  @Override
  public List<Path> list(Path folder) throws IOException {
    return real.list(folder);
  }

  @Override
  public DiskFile create(Path file) throws IOException {
    return new FailingFile(real.create(file));
  }

  @Override
  public DiskFile open(Path file) throws IOException {
    return new FailingFile(real.open(file));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    real.rename(from, to);
  }

  @Override
  public void link(Path existing, Path name) throws IOException {
    if (linksLeft.getAndDecrement() <= 0) {
      throw new IOException("Input/output error");
    }
    real.link(existing, name);
  }

  @Override
  public void delete(Path file) throws IOException {
    real.delete(file);
  }

  @Override
  public void forceDirectory(Path folder) throws IOException {
    fail();
    real.forceDirectory(folder);
  }

  @Override
  public Closeable lock(Path file) throws IOException {
    return real.lock(file);
  }

  private final class FailingFile implements DiskFile {
    private final DiskFile file;

    FailingFile(DiskFile file) {
      this.file = file;
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      return file.read(target, position);
    }

    @Override
    public void write(ByteBuffer source, long position) throws IOException {
      file.write(source, position);
    }

    @Override
    public void truncate(long size) throws IOException {
      file.truncate(size);
    }

    @Override
    public void force(boolean metadata) throws IOException {
      beforeForce.getAndSet(() -> {}).run();
      awaitStall();
      fail();
      file.force(metadata);
    }

    @Override
    public ByteBuffer map() throws IOException {
      return file.map();
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
