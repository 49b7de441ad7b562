package io.keelmq.raftlog;

import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The segment that records are appended to. The log thread writes; other threads read what the log
 * has published, by position, never through a mapping: a full disk would turn that into an error of
 * the JVM.
 *
 * <p>After a crash: see FORMAT.md, recovery 4.
 */
final class ActiveSegment extends Segment {

  private final DiskFile file;
  private final CRC32C checksum;
  private final ContentChecksum content;

  /** The file's length; what the index has beyond it is still in the staging buffer. */
  private long writtenBytes;

  ActiveSegment(DiskFile file, SegmentScan scan) {
    super(scan.path(), scan.header(), scan.index());
    this.file = file;
    this.checksum = scan.checksum();
    this.content = scan.content();
    this.writtenBytes = scan.index().bytes();
  }

  static ActiveSegment created(Path path, DiskFile file, SegmentHeader header) {
    var checksum = new CRC32C();
    checksum.update(header.encode());
    var index = new SegmentIndex(header.baseIndex());
    return new ActiveSegment(
        file,
        new SegmentScan(path, header, index, checksum, new ContentChecksum(), Optional.empty()));
  }

  /** Whether {@code record} may go in here; the first one always may. */
  boolean fits(LogRecord record, long segmentBytes) {
    return index().count() == 0
        || index().bytes() + (long) RecordCodec.recordBytes(record) <= segmentBytes;
  }

  /**
   * Adds a record; its bytes may stay in {@code staging} until {@link #flush}.
   *
   * @param staging empty at the first call after a flush, and used for this segment alone until the
   *     next
   */
  void append(LogRecord record, long durableBefore, ByteBuffer staging) throws IOException {
    if (staging.remaining() < RecordCodec.HEADER_BYTES) {
      flush(staging);
    }
    RecordCodec.putHeader(staging, header().mark(), record, durableBefore);
    ByteBuffer data = record.data().duplicate();
    int end = data.limit();
    while (data.position() < end) {
      if (!staging.hasRemaining()) {
        flush(staging);
        Failpoint.APPEND_PARTLY_WRITTEN.hit();
      }
      data.limit(Math.min(end, data.position() + staging.remaining()));
      staging.put(data);
    }
    index().add(record.term(), record.type(), RecordCodec.recordBytes(record));
    content.add(record);
  }

  /** Hands what is staged to the file system. Durable only after {@link #force}. */
  void flush(ByteBuffer staging) throws IOException {
    staging.flip();
    checksum.update(staging.duplicate());
    int bytes = staging.limit();
    file.write(staging, writtenBytes);
    writtenBytes += bytes;
    staging.clear();
  }

  void force() throws IOException {
    file.force(false);
  }

  /**
   * Drops all records behind {@code lastKept}, durably, and returns this segment anew. This object
   * is left to readers that have found it before; what they read then no longer verifies, or is
   * older.
   */
  ActiveSegment cutAfter(long lastKept) throws IOException {
    file.truncate(index().position(lastKept + 1));
    Failpoint.TRUNCATE_CUT.hit();
    // Forced before anything is appended, or old records could come back behind new ones.
    file.force(true);
    Failpoint.TRUNCATE_CUT_FORCED.hit();
    return new ActiveSegment(file, SegmentScan.of(file, path(), baseIndex()).orRefuse());
  }

  /** The sidecar of all that has been appended and flushed. */
  Sidecar sidecar() {
    return new Sidecar(index(), (int) checksum.getValue(), content.value());
  }

  void close() throws IOException {
    file.close();
  }

  @Override
  ByteBuffer bytes(int position, int length) throws IOException {
    var bytes = ByteBuffer.allocate(length);
    file.read(bytes, position);
    return bytes.flip();
  }
}
