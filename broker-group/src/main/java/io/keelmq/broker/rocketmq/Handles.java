package io.keelmq.broker.rocketmq;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * Numbers and a text as one word that clients keep and give back without looking into it: a kind, a
 * version, the numbers as varints, the text, and a checksum. Any replica can read what another one
 * wrote. Stateless.
 */
final class Handles {

  private static final int VERSION = 1;
  private static final int CHECKSUM_BYTES = 4;

  /** Beyond any that is written here. */
  private static final int MAX_CHARACTERS = 1_024;

  record Content(long[] numbers, String text) {}

  private Handles() {}

  static String write(char kind, String text, long... numbers) {
    var bytes = new ByteArrayOutputStream(64);
    bytes.write(kind);
    bytes.write(VERSION);
    for (long number : numbers) {
      long rest = number;
      while ((rest & ~0x7fL) != 0) {
        bytes.write((int) (rest & 0x7f | 0x80));
        rest >>>= 7;
      }
      bytes.write((int) rest);
    }
    bytes.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    bytes.writeBytes(checksum(bytes.toByteArray()));
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.toByteArray());
  }

  /** Empty if it is none of this kind and version with so many numbers. */
  static Optional<Content> read(char kind, int count, String handle) {
    if (handle.isEmpty() || handle.length() > MAX_CHARACTERS) {
      return Optional.empty();
    }
    byte[] bytes;
    try {
      bytes = Base64.getUrlDecoder().decode(handle);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
    int end = bytes.length - CHECKSUM_BYTES;
    if (end < 2 || bytes[0] != kind || bytes[1] != VERSION) {
      return Optional.empty();
    }
    byte[] content = Arrays.copyOf(bytes, end);
    if (!Arrays.equals(checksum(content), Arrays.copyOfRange(bytes, end, bytes.length))) {
      return Optional.empty();
    }
    var numbers = new long[count];
    int at = 2;
    for (int i = 0; i < count; i++) {
      int shift = 0;
      while (true) {
        if (at == end || shift > 63) {
          return Optional.empty();
        }
        byte b = content[at++];
        numbers[i] |= (long) (b & 0x7f) << shift;
        shift += 7;
        if (b >= 0) {
          break;
        }
      }
    }
    return Optional.of(
        new Content(numbers, new String(content, at, end - at, StandardCharsets.UTF_8)));
  }

  private static byte[] checksum(byte[] bytes) {
    var crc = new CRC32();
    crc.update(bytes);
    return ByteBuffer.allocate(CHECKSUM_BYTES).putInt((int) crc.getValue()).array();
  }
}
