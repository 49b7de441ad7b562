package io.keelmq.raftlog;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Reads sealed segments again, each byte of them and of their sidecars, to find damage before
 * somebody needs what was there. It reads the files and not the mappings of readers, and keeps
 * nothing. For one thread, which may be interrupted.
 */
public final class Scrub {

  /** Told of every read; lets time pass, so that a scrub is slow enough to be no burden. */
  public interface Pace {
    void read(int bytes) throws InterruptedException;
  }

  private final Supplier<LogView> log;
  private final SegmentFiles files;
  private final Disk disk;
  private final Consumer<CorruptLogException> damaged;

  Scrub(
      Supplier<LogView> log, SegmentFiles files, Disk disk, Consumer<CorruptLogException> damaged) {
    this.log = log;
    this.files = files;
    this.disk = disk;
    this.damaged = damaged;
  }

  /**
   * Reads the first sealed segment that begins at {@code fromIndex} or later, and tells of damage.
   *
   * @return the index behind it; empty if there is no such segment, which ends a pass
   * @throws DiskException if it cannot be read; says nothing of its bytes
   */
  public Optional<Long> next(long fromIndex, Pace pace) throws InterruptedException {
    LogView before = log.get();
    for (Segment segment : before.segments()) {
      if (segment.baseIndex() >= fromIndex && segment instanceof SealedSegment sealed) {
        look(before, sealed, pace);
        return Optional.of(sealed.lastIndex() + 1);
      }
    }
    return Optional.empty();
  }

  private void look(LogView before, SealedSegment sealed, Pace pace) throws InterruptedException {
    try {
      compare(sealed, pace);
    } catch (CorruptLogException e) {
      if (isThere(before)) {
        damaged.accept(e);
      }
    } catch (InterruptedIOException e) {
      throw new InterruptedException(e.getMessage());
    } catch (NoSuchFileException e) {
      if (isThere(before)) {
        damaged.accept(
            new CorruptLogException(
                Path.of(e.getFile()), 0, "a file of the segment at " + sealed.baseIndex(), "none"));
      }
    } catch (IOException e) {
      if (isThere(before)) {
        throw new DiskException("reading " + sealed.path() + " again", e);
      }
    }
  }

  /** Otherwise files went away under us, and neither damage nor a failure means anything. */
  private boolean isThere(LogView before) {
    return log.get().generation() == before.generation();
  }

  private void compare(SealedSegment sealed, Pace pace) throws IOException {
    Path path = sealed.path();
    SegmentSummary expected = sealed.summary(files.sidecar(sealed.baseIndex()));
    Sidecar stored = files.readSidecar(sealed.baseIndex());
    require(expected.sidecar(), "whole segment", expected.checksum(), stored.checksum());
    require(expected.sidecar(), "entries", expected.contentChecksum(), stored.contentChecksum());
    try (DiskFile file = new Paced(disk.open(path), pace)) {
      Sidecar found = SegmentScan.of(file, path, sealed.baseIndex()).orRefuse().sidecar();
      if (found.index().bytes() != expected.bytes()) {
        throw new CorruptLogException(
            path,
            found.index().bytes(),
            "a sealed segment of " + expected.bytes() + " bytes",
            found.index().bytes() + " bytes");
      }
      require(path, "whole segment", expected.checksum(), found.checksum());
      require(path, "entries", expected.contentChecksum(), found.contentChecksum());
    }
  }

  private static void require(Path file, String ofWhat, int expected, int found) {
    if (expected != found) {
      throw new CorruptLogException(
          file,
          0,
          "checksum 0x%08x of the %s".formatted(expected, ofWhat),
          "0x%08x".formatted(found));
    }
  }

  /** Only read by a scan. */
  private record Paced(DiskFile file, Pace pace) implements DiskFile {

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      int bytes = file.read(target, position);
      try {
        pace.read(bytes);
      } catch (InterruptedException e) {
        throw new InterruptedIOException("while reading a segment again");
      }
      return bytes;
    }

    @Override
    public void write(ByteBuffer source, long position) {
      throw new UnsupportedOperationException("a scrub only reads");
    }

    @Override
    public void truncate(long size) {
      throw new UnsupportedOperationException("a scrub only reads");
    }

    @Override
    public void force(boolean metadata) {
      throw new UnsupportedOperationException("a scrub only reads");
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
