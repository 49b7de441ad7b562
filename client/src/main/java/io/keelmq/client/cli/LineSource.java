package io.keelmq.client.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;

/**
 * The lines of a stream as bytes, without their line feed; the last one may lack it. Holds one line
 * and one block. For one thread.
 */
final class LineSource {
  /** The broker takes no larger body, and a key may stand before it. */
  static final int MAX_LINE_BYTES = (4 << 20) + (16 << 10);

  private static final int BLOCK_BYTES = 64 << 10;

  private final InputStream in;
  private final byte[] block = new byte[BLOCK_BYTES];
  private final ByteArrayOutputStream begun = new ByteArrayOutputStream();
  private int from;
  private int to;
  private long lines;

  LineSource(InputStream in) {
    this.in = in;
  }

  /** The next line; empty at the end of the stream. */
  Optional<byte[]> next() {
    while (true) {
      for (int i = from; i < to; i++) {
        if (block[i] == '\n') {
          byte[] line = take(i);
          from = i + 1;
          return Optional.of(line);
        }
      }
      keep();
      if (!fill()) {
        return begun.size() == 0 ? Optional.empty() : Optional.of(take(from));
      }
    }
  }

  /** The number of the line last given, from 1. */
  long lineNumber() {
    return lines;
  }

  private byte[] take(int end) {
    lines++;
    if (begun.size() == 0) {
      return Arrays.copyOfRange(block, from, end);
    }
    begun.write(block, from, end - from);
    byte[] line = begun.toByteArray();
    begun.reset();
    return line;
  }

  private void keep() {
    begun.write(block, from, to - from);
    from = 0;
    to = 0;
    if (begun.size() > MAX_LINE_BYTES) {
      throw new CliError(
          ExitCodes.USAGE,
          "MESSAGE_BODY_TOO_LARGE",
          "line %d is longer than the 4 MiB that a message may hold: is this text?"
              .formatted(lines + 1));
    }
  }

  private boolean fill() {
    try {
      to = Math.max(0, in.read(block));
      return to > 0;
    } catch (IOException e) {
      throw new CliError(
          ExitCodes.FAILED,
          "INPUT_FAILED",
          "cannot read standard input after line %d: %s".formatted(lines, e.getMessage()),
          e);
    }
  }
}
