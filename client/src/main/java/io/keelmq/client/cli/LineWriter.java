package io.keelmq.client.cli;

import java.io.Writer;

/** Lets picocli print help through {@link Output}. For one thread. */
final class LineWriter extends Writer {
  private final Output out;
  private final StringBuilder pending = new StringBuilder();

  LineWriter(Output out) {
    this.out = out;
  }

  @Override
  public void write(char[] chars, int from, int count) {
    pending.append(chars, from, count);
    int end;
    while ((end = pending.indexOf("\n")) >= 0) {
      out.line(pending.substring(0, end));
      pending.delete(0, end + 1);
    }
  }

  @Override
  public void flush() {
    // Output is flushed when the command ends.
  }

  @Override
  public void close() {
    if (!pending.isEmpty()) {
      out.line(pending.toString());
      pending.setLength(0);
    }
  }
}
