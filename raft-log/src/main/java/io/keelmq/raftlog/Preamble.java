package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The 16 bytes that open every file of the log: eight letters, format version, checksum of all the
 * rest. They stay the same in every later format, so that a newer file can be told from a damaged
 * one.
 */
enum Preamble {
  SEGMENT("KMQSEGMT", 1),
  INDEX("KMQINDEX", 1),
  FIRST("KMQFIRST", 1);

  static final int BYTES = 16;

  private final long letters;
  private final int version;

  Preamble(String letters, int version) {
    this.letters = ByteBuffer.wrap(letters.getBytes(StandardCharsets.US_ASCII)).getLong();
    this.version = version;
  }

  /** Fills in the first 16 bytes; {@code bytes} must hold all that the checksum covers. */
  void seal(ByteBuffer bytes) {
    bytes.putLong(0, letters).putInt(8, version);
    bytes.putInt(12, Crc.aroundItself(bytes));
  }

  /**
   * @throws CorruptLogException if these bytes were not written by {@link #seal}
   * @throws UnsupportedFormatException if they were, by a newer build
   */
  void check(ByteBuffer bytes, Path file) {
    if (bytes.limit() < BYTES) {
      throw new CorruptLogException(
          file, bytes.limit(), "at least " + BYTES + " bytes", bytes.limit() + " bytes");
    }
    if (bytes.getLong(0) != letters) {
      throw new CorruptLogException(
          file, 0, "0x%016x".formatted(letters), "0x%016x".formatted(bytes.getLong(0)));
    }
    int computed = Crc.aroundItself(bytes);
    if (bytes.getInt(12) != computed) {
      throw new CorruptLogException(file, 12, Flaw.checksum(computed, bytes.getInt(12)));
    }
    if (bytes.getInt(8) > version) {
      throw new UnsupportedFormatException(file, bytes.getInt(8), version);
    }
  }
}
