package io.keelmq.client.cli;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A line on the terminal that is rewritten while a bench runs; nothing elsewhere. For one thread.
 */
final class Progress {
  private static final long EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final String CLEAR = "\r\u001b[K";

  private final Console console;
  private final LongSupplier messages;
  private final LongSupplier failed;
  private long shownNanos = System.nanoTime();
  private long shownMessages;

  Progress(Console console, LoadRun run) {
    this(console, run::acknowledged, run::failed);
  }

  Progress(Console console, LongSupplier messages, LongSupplier failed) {
    this.console = console;
    this.messages = messages;
    this.failed = failed;
  }

  void show() {
    long now = System.nanoTime();
    if (!console.errIsTerminal() || now - shownNanos < EVERY_NANOS) {
      return;
    }
    long count = messages.getAsLong();
    double perSecond = (count - shownMessages) * 1e9 / (now - shownNanos);
    console
        .err()
        .printf("%s%,d messages, %,.0f/s, %d failed", CLEAR, count, perSecond, failed.getAsLong());
    console.err().flush();
    shownNanos = now;
    shownMessages = count;
  }

  void clear() {
    if (console.errIsTerminal()) {
      console.err().print(CLEAR);
      console.err().flush();
    }
  }
}
