package io.keelmq.client.cli;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Standard output: UTF-8, written in blocks, and aware of a reader that has gone. Thread-safe: a
 * line is never torn.
 */
final class Output {
  private static final int BLOCK_BYTES = 64 << 10;

  /** Whoever read our output has stopped; there is nobody left to tell. */
  static final class ReaderGone extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ReaderGone(IOException cause) {
      super("the reader of standard output has gone", cause);
    }
  }

  private final OutputStream out;

  Output(OutputStream out) {
    this.out = new BufferedOutputStream(out, BLOCK_BYTES);
  }

  /** Writes the text and a line feed. */
  void line(String text) {
    line(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes the bytes and a line feed. */
  synchronized void line(byte[] bytes) {
    try {
      out.write(bytes);
      out.write('\n');
    } catch (IOException e) {
      throw failure(e);
    }
  }

  synchronized void flush() {
    try {
      out.flush();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private static RuntimeException failure(IOException e) {
    String why = String.valueOf(e.getMessage());
    if (why.contains("Broken pipe")) {
      return new ReaderGone(e);
    }
    return new CliError(
        ExitCodes.FAILED,
        "OUTPUT_FAILED",
        "cannot write to standard output (" + why + "): give it a place that takes more",
        e);
  }
}
