package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * A segment that never changes again, and all of whose bytes are durable. Read through a mapping,
 * which is never unmapped by hand: the slices that readers hold keep it alive, even after the file
 * was deleted.
 */
final class SealedSegment extends Segment {

  private static final int PAGE_BYTES = 4096;

  private final Disk disk;
  private final int checksum;
  private final int contentChecksum;
  private volatile ByteBuffer mapping;

  SealedSegment(Path path, SegmentHeader header, Sidecar sidecar, Disk disk) {
    super(path, header, sidecar.index());
    this.checksum = sidecar.checksum();
    this.contentChecksum = sidecar.contentChecksum();
    this.disk = disk;
  }

  SegmentSummary summary(Path sidecar) {
    return new SegmentSummary(
        baseIndex(), lastIndex(), path(), sidecar, index().bytes(), checksum, contentChecksum);
  }

  @Override
  ByteBuffer bytes(int position, int length) throws IOException {
    ByteBuffer slice = mapping().slice(position, length);
    touch(slice);
    return slice;
  }

  /**
   * Keeps this object on the file as it is now, also when another one takes its name. Called before
   * that happens, or a reader that comes late would map the wrong one.
   */
  void pin() throws IOException {
    mapping();
  }

  private ByteBuffer mapping() throws IOException {
    ByteBuffer mapped = mapping;
    return mapped != null ? mapped : map();
  }

  private synchronized ByteBuffer map() throws IOException {
    if (mapping == null) {
      try (DiskFile file = disk.open(path())) {
        ByteBuffer mapped = file.map();
        if (mapped.limit() != index().bytes()) {
          throw new CorruptLogException(
              path(),
              mapped.limit(),
              "a sealed segment of " + index().bytes() + " bytes",
              mapped.limit() + " bytes");
        }
        mapping = mapped;
      }
    }
    return mapping;
  }

  /**
   * Brings the pages in by ordinary reads. If the device cannot deliver one, the JVM turns that
   * into an InternalError here, while inside the checksum's machine code the same fault would end
   * the process.
   */
  private void touch(ByteBuffer slice) throws IOException {
    try {
      int sum = 0;
      for (int at = 0; at < slice.limit(); at += PAGE_BYTES) {
        sum += slice.get(at);
      }
      if (slice.hasRemaining()) {
        sum += slice.get(slice.limit() - 1);
      }
      touched = sum;
    } catch (InternalError e) {
      throw new IOException("the device cannot read " + path(), e);
    }
  }

  /** Written so that the compiler cannot drop the reads; its value means nothing. */
  @SuppressWarnings("UnusedVariable")
  private int touched;
}
