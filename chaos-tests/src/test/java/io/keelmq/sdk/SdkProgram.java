package io.keelmq.sdk;

import io.keelmq.local.Waiting;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that goes on while brokers die, in a process of its own. Owned by one thread. */
final class SdkProgram implements AutoCloseable {

  private final Process process;
  private final Path log;
  private final Thread reader;
  private final SdkHistory history = new SdkHistory();

  private SdkProgram(Process process, Path log) {
    this.process = process;
    this.log = log;
    this.reader = new Thread(this::read, "sdk-program");
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * @param log where its errors go; what it says is kept beside it
   */
  static SdkProgram start(Toolchain toolchain, Path log, List<String> command, String... arguments)
      throws IOException {
    var all = new ArrayList<>(command);
    all.addAll(List.of(arguments));
    Process process =
        Processes.builder(toolchain.folder(), toolchain.environment(), log, all).start();
    return new SdkProgram(process, log);
  }

  private void read() {
    Path said = log.resolveSibling(log.getFileName() + ".out");
    try (var lines =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        var copy = Files.newBufferedWriter(said)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        copy.write(line + "\n");
        history.line(line);
      }
    } catch (IOException e) {
      // The process was killed; what it told before is there.
      history.line("its output broke: " + e);
    }
  }

  SdkHistory history() {
    return history;
  }

  /**
   * Until it has said this.
   *
   * @throws IllegalStateException if it ends first or does not
   */
  void await(String word, Duration deadline) {
    boolean said = Waiting.until(deadline, () -> history.has(word) || !process.isAlive());
    if (!said || !history.has(word)) {
      throw new IllegalStateException(
          "expected \"%s\" within %s, the process %s; its log: %s"
              .formatted(word, deadline, process.isAlive() ? "lives" : "has ended", tail()));
    }
  }

  /** Sends nothing more, and goes on consuming. */
  void stopSending() {
    try {
      process.getOutputStream().write('\n');
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw new UncheckedIOException(tail(), e);
    }
  }

  private String tail() {
    try {
      return Processes.tail(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Ends it; all that it has said is in the history then. */
  @Override
  public void close() {
    Processes.kill(process);
    try {
      process.waitFor();
      reader.join(TimeUnit.SECONDS.toMillis(10));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
