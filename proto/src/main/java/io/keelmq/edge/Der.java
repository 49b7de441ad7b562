package io.keelmq.edge;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;

/** The few forms of ASN.1's distinguished encoding (X.690) that a certificate is made of. */
final class Der {

  private static final int CONTEXT = 0x80;
  private static final int CONSTRUCTED = 0x20;
  private static final DateTimeFormatter SHORT_TIME =
      DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'");
  private static final DateTimeFormatter LONG_TIME =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'");

  private Der() {}

  static byte[] sequence(byte[]... parts) {
    return value(0x30, parts);
  }

  static byte[] set(byte[] part) {
    return value(0x31, part);
  }

  static byte[] integer(BigInteger number) {
    return value(0x02, number.toByteArray());
  }

  static byte[] bitString(byte[] bytes) {
    // The first byte: how many bits of the last one do not count.
    return value(0x03, new byte[] {0}, bytes);
  }

  static byte[] octets(byte[] bytes) {
    return value(0x04, bytes);
  }

  static byte[] utf8(String text) {
    return value(0x0c, text.getBytes(StandardCharsets.UTF_8));
  }

  static byte[] oid(int first, int second, int... rest) {
    var bytes = new ByteArrayOutputStream();
    bytes.write(first * 40 + second);
    for (int arc : rest) {
      for (int shift = 28; shift > 0; shift -= 7) {
        if (arc >> shift != 0) {
          bytes.write(((arc >> shift) & 0x7f) | 0x80);
        }
      }
      bytes.write(arc & 0x7f);
    }
    return value(0x06, bytes.toByteArray());
  }

  /** RFC 5280, 4.1.2.5: two digits for the year until 2049, then four. */
  static byte[] time(Instant instant) {
    ZonedDateTime utc = instant.atZone(ZoneOffset.UTC);
    boolean two = utc.getYear() < 2050;
    String text = (two ? SHORT_TIME : LONG_TIME).format(utc);
    return value(two ? 0x17 : 0x18, text.getBytes(StandardCharsets.US_ASCII));
  }

  static byte[] explicit(int tag, byte[] part) {
    return value(CONTEXT | CONSTRUCTED | tag, part);
  }

  static byte[] implicit(int tag, byte[] bytes) {
    return value(CONTEXT | tag, bytes);
  }

  private static byte[] value(int tag, byte[]... parts) {
    var content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    var bytes = new ByteArrayOutputStream();
    bytes.write(tag);
    int length = content.size();
    if (length < 0x80) {
      bytes.write(length);
    } else if (length < 0x100) {
      bytes.write(0x81);
      bytes.write(length);
    } else {
      bytes.write(0x82);
      bytes.write(length >> 8);
      bytes.write(length);
    }
    bytes.writeBytes(content.toByteArray());
    return bytes.toByteArray();
  }
}
