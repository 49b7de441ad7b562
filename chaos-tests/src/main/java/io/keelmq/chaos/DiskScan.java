package io.keelmq.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the messages of a workload in the segments of a replica's data folder, without the broker's
 * code: by the bytes of their bodies, whose checksum says that they are whole. Stateless.
 */
final class DiskScan {

  private static final Logger LOG = LoggerFactory.getLogger(DiskScan.class);

  /** Of a varint: what an int can have. */
  private static final int MAX_LENGTH_BYTES = 5;

  private DiskScan() {}

  /** Hands out every intact body; one that lies in several files more than once. */
  static void scan(Path folder, Consumer<Payload> to) {
    var seen = new HashSet<Object>();
    for (Path segment : segments(folder)) {
      try {
        // A snapshot's segments are links to those of the log.
        Object key = Files.readAttributes(segment, BasicFileAttributes.class).fileKey();
        if (key == null || seen.add(key)) {
          scan(Files.readAllBytes(segment), to);
        }
      } catch (NoSuchFileException e) {
        LOG.debug("a replica that runs has just deleted it: {}", segment, e);
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + segment, e);
      }
    }
  }

  static void scan(byte[] bytes, Consumer<Payload> to) {
    var buffer = ByteBuffer.wrap(bytes);
    for (int at = 0; at + Payload.MIN_BYTES <= bytes.length; at++) {
      if (bytes[at] == Payload.MAGIC >> 24 && buffer.getInt(at) == Payload.MAGIC) {
        payloadAt(buffer, at).ifPresent(to);
      }
    }
  }

  /** The body's length stands before it as a varint, whose beginning does not show. */
  private static Optional<Payload> payloadAt(ByteBuffer bytes, int at) {
    long length = 0;
    for (int back = 1; back <= Math.min(MAX_LENGTH_BYTES, at); back++) {
      int octet = bytes.get(at - back);
      // The last byte of a varint is the only one without the high bit.
      if (back == 1 ? octet < 0 : octet >= 0) {
        break;
      }
      length = length << 7 | (octet & 0x7f);
      if (length >= Payload.MIN_BYTES && length <= bytes.limit() - at) {
        var body = new byte[(int) length];
        bytes.get(at, body);
        Optional<Payload> payload = Payload.decode(body);
        if (payload.isPresent()) {
          return payload;
        }
      }
    }
    return Optional.empty();
  }

  /** What was set aside is no memory of the replica any more. */
  private static List<Path> segments(Path folder) {
    try (var files = Files.walk(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".seg"))
          .filter(file -> !folder.relativize(file).startsWith("lost+found"))
          .filter(file -> !folder.relativize(file).toString().startsWith("set-aside-"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }
}
