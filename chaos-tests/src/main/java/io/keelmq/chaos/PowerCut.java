package io.keelmq.chaos;

import io.keelmq.common.Json;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A process beside this one that cuts the power of file systems, by a call that Java has not
 * ({@code power_cut.py}). It runs before it is needed, so that a cut takes microseconds. For one
 * thread.
 */
final class PowerCut implements AutoCloseable {

  private static final String SCRIPT = "power_cut.py";
  private static final long END_SECONDS = 5;

  /**
   * What shall happen.
   *
   * @param mounts file systems that lose their power, in this order, as close as can be
   * @param stopped processes that are stopped before, all that use the disks: a process that runs
   *     on sees more than a power cut shows anybody. A sync that is under way may even succeed, and
   *     what it synced be gone
   * @param watched folders; the cut waits until a name in one of them comes or goes
   * @param patience how long it waits for that; then it cuts all the same
   * @param linger and how long behind that
   */
  record Request(
      List<Path> mounts,
      List<Long> stopped,
      List<Path> watched,
      Duration patience,
      Duration linger) {

    /** At once, with every process left as it is. */
    static Request of(Path mount) {
      return new Request(List.of(mount), List.of(), List.of(), Duration.ZERO, Duration.ZERO);
    }

    private Json json() {
      return new Json()
          .putTexts("mounts", mounts.stream().map(Path::toString).toList())
          .putNumbers("pids", stopped)
          .putTexts("watch", watched.stream().map(Path::toString).toList())
          .put("wait_seconds", patience.toMillis() / 1e3)
          .put("linger_micros", TimeUnit.NANOSECONDS.toMicros(linger.toNanos()));
    }
  }

  /**
   * What has happened.
   *
   * @param seen whether the watched names changed
   * @param micros from the first file system to the last
   */
  record Done(boolean seen, long micros) {}

  private final Process process;
  private final BufferedWriter requests;
  private final BufferedReader answers;

  private PowerCut(Process process) {
    this.process = process;
    this.requests = process.outputWriter(StandardCharsets.UTF_8);
    this.answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * @throws IllegalStateException if there is no python3 to run it
   */
  static PowerCut start() {
    try (var script = PowerCut.class.getResourceAsStream(SCRIPT)) {
      String text = new String(script.readAllBytes(), StandardCharsets.UTF_8);
      var process =
          new ProcessBuilder("python3", "-c", text)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      var started = new PowerCut(process);
      String answer = started.answers.readLine();
      if (!"ready".equals(answer)) {
        started.close();
        throw new IllegalStateException("python3 said " + answer + " to " + SCRIPT);
      }
      return started;
    } catch (IOException e) {
      throw new IllegalStateException("python3 is needed to cut the power: " + e.getMessage(), e);
    }
  }

  /**
   * To be called before each cut. It syncs a file on each file system, and with it everything that
   * is not synced there: so before a process gets to the point at which it shall find the cut.
   */
  void prepare(List<Path> mounts) {
    var request = new Json().putTexts("prepare", mounts.stream().map(Path::toString).toList());
    answer(request, "prepared");
  }

  /** Returns when the power is off; the processes that were stopped are so still. */
  Done cut(Request request) {
    String[] words = answer(request.json(), "cut ").split(" ", 3);
    return new Done(words[1].equals("1"), Long.parseLong(words[2]));
  }

  private String answer(Json request, String expected) {
    try {
      requests.write(request + "\n");
      requests.flush();
      String answer = answers.readLine();
      if (answer == null || !answer.startsWith(expected)) {
        throw new IllegalStateException(
            "the power was not cut: %s said %s, expected %s"
                .formatted(SCRIPT, answer, expected.strip()));
      }
      return answer;
    } catch (IOException e) {
      throw new UncheckedIOException("the power was not cut", e);
    }
  }

  @Override
  public void close() {
    try {
      requests.close();
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
