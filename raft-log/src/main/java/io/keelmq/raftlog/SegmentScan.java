package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * What one reading of a segment from front to back finds. Reads only; what to do about a flaw is
 * the caller's business.
 *
 * @param index all records before the flaw
 * @param checksum of all bytes before the flaw; may be fed on
 * @param content of all records before the flaw; may be fed on
 * @param flaw what is wrong behind the last record of {@code index}; empty if the file ends there
 */
record SegmentScan(
    Path path,
    SegmentHeader header,
    SegmentIndex index,
    CRC32C checksum,
    ContentChecksum content,
    Optional<Flaw> flaw) {

  /**
   * @throws CorruptLogException if the header is damaged
   */
  static SegmentScan of(DiskFile file, Path path, long baseIndex) throws IOException {
    return upTo(Long.MAX_VALUE, file, path, baseIndex);
  }

  /** Reads records up to {@code lastIndex} only. */
  static SegmentScan upTo(long lastIndex, DiskFile file, Path path, long baseIndex)
      throws IOException {
    var header = SegmentHeader.read(file, path, baseIndex);
    var window = new ScanWindow(file);
    var index = new SegmentIndex(baseIndex);
    var checksum = new CRC32C();
    checksum.update(window.at(0, SegmentHeader.BYTES));
    var content = new ContentChecksum();
    long size = window.fileBytes();
    Optional<Flaw> flaw = Optional.empty();
    while (flaw.isEmpty() && index.bytes() < size && index.lastIndex() < lastIndex) {
      ByteBuffer record = recordAt(window, header, index.bytes());
      flaw = flaw(record, header, index);
      if (flaw.isEmpty()) {
        index.add(RecordCodec.term(record), RecordCodec.type(record), record.remaining());
        content.add(RecordCodec.decode(record));
        checksum.update(record);
      }
    }
    return new SegmentScan(path, header, index, checksum, content, flaw);
  }

  /** The sidecar of what was read. */
  Sidecar sidecar() {
    return new Sidecar(index, (int) checksum.getValue(), content.value());
  }

  /** The same scan, if it read to the end of the file without a flaw. */
  SegmentScan orRefuse() {
    flaw.ifPresent(
        found -> {
          throw corruption(found);
        });
    return this;
  }

  CorruptLogException corruption(Flaw found) {
    var expected = "record " + (index.lastIndex() + 1) + " with " + found.expected();
    return new CorruptLogException(path, index.bytes(), expected, found.found());
  }

  /**
   * Looks behind the flaw for an intact record that was written when the flawed one had already
   * been forced.
   *
   * @return the index of such a record; empty if nothing says that the flawed one was ever durable
   */
  Optional<Long> proofOfDurability(DiskFile file) throws IOException {
    long damaged = index.lastIndex() + 1;
    var window = new ScanWindow(file);
    long size = window.fileBytes();
    for (long at = index.bytes() + 1L; at + RecordCodec.HEADER_BYTES <= size; at++) {
      ByteBuffer start = window.at(at, RecordCodec.HEADER_BYTES);
      if (RecordCodec.mark(start) == header.mark()) {
        ByteBuffer record = recordAt(window, header, at);
        if (RecordCodec.recordFlaw(record, header.mark()).isEmpty()
            && RecordCodec.durableBefore(record) >= damaged) {
          return Optional.of(RecordCodec.index(record));
        }
      }
    }
    return Optional.empty();
  }

  /**
   * Where the records begin of which neither a later one nor the floor says that they were forced.
   * The header was, before the file got its name.
   *
   * @param floor an index that was forced
   */
  long unprovenFrom(DiskFile file, long floor) throws IOException {
    if (index.count() == 0) {
      return index.bytes();
    }
    var last = ByteBuffer.allocate(RecordCodec.HEADER_BYTES);
    file.read(last, index.position(index.lastIndex()));
    long proven = Math.max(floor, RecordCodec.durableBefore(last.flip()));
    return proven >= index.lastIndex()
        ? index.bytes()
        : index.position(Math.max(proven + 1, index.baseIndex()));
  }

  /** The bytes of the record at {@code position}, or as many as there are if it is no record. */
  private static ByteBuffer recordAt(ScanWindow window, SegmentHeader header, long position)
      throws IOException {
    ByteBuffer start = window.at(position, RecordCodec.HEADER_BYTES);
    if (start.remaining() < RecordCodec.HEADER_BYTES
        || RecordCodec.headerFlaw(start, header.mark()).isPresent()) {
      return start;
    }
    return window.at(position, RecordCodec.HEADER_BYTES + RecordCodec.dataBytes(start));
  }

  private static Optional<Flaw> flaw(ByteBuffer record, SegmentHeader header, SegmentIndex before) {
    if (record.remaining() < RecordCodec.HEADER_BYTES) {
      return Optional.of(
          new Flaw("a header of 44 bytes", "the end of the file after " + record.remaining()));
    }
    var flaw = RecordCodec.recordFlaw(record, header.mark());
    if (flaw.isPresent()) {
      return flaw;
    }
    long expected = before.lastIndex() + 1;
    if (RecordCodec.index(record) != expected) {
      return Optional.of(new Flaw("index " + expected, "index " + RecordCodec.index(record)));
    }
    return Optional.empty();
  }
}
