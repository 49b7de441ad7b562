package io.keelmq.client.cli;

import java.util.concurrent.TimeUnit;

/**
 * A line on the terminal that is rewritten while a bench runs; nothing elsewhere. For one thread.
 */
final class Progress {
  private static final long EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final String CLEAR = "\r\u001b[K";

  private final Console console;
  private final LoadRun run;
  private long shownNanos = System.nanoTime();
  private long shownMessages;

  Progress(Console console, LoadRun run) {
    this.console = console;
    this.run = run;
  }

  void show() {
    long now = System.nanoTime();
    if (!console.errIsTerminal() || now - shownNanos < EVERY_NANOS) {
      return;
    }
    long messages = run.acknowledged();
    double perSecond = (messages - shownMessages) * 1e9 / (now - shownNanos);
    console
        .err()
        .printf("%s%,d messages, %,.0f/s, %d failed", CLEAR, messages, perSecond, run.failed());
    console.err().flush();
    shownNanos = now;
    shownMessages = messages;
  }

  void clear() {
    if (console.errIsTerminal()) {
      console.err().print(CLEAR);
      console.err().flush();
    }
  }
}
