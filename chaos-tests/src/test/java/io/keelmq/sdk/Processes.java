package io.keelmq.sdk;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs programs of other languages, each in a folder of its own. */
final class Processes {

  private Processes() {}

  /** Whether a program answers to {@code --version} or the like with exit code 0. */
  static boolean answers(String... command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      boolean ended = process.waitFor(30, TimeUnit.SECONDS);
      process.destroyForcibly();
      return ended && process.exitValue() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Runs to the end.
   *
   * @param environment what differs from this process's own
   * @param log where its errors go
   * @return what it printed; fails the test if it does not end well
   */
  static List<String> run(
      Path folder,
      Map<String, String> environment,
      Path log,
      Duration deadline,
      List<String> command)
      throws IOException, InterruptedException {
    Path output = log.resolveSibling(log.getFileName() + ".out");
    Process process =
        builder(folder, environment, log, command).redirectOutput(output.toFile()).start();
    try {
      boolean ended = process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended || process.exitValue() != 0) {
        String how = ended ? "exit code " + process.exitValue() : "no end in " + deadline;
        fail("%s: %s%n%s%n%s".formatted(String.join(" ", command), how, tail(output), tail(log)));
      }
    } finally {
      kill(process);
    }
    return Files.readAllLines(output);
  }

  /** As {@link #run} starts it, its output left to the caller. */
  static ProcessBuilder builder(
      Path folder, Map<String, String> environment, Path log, List<String> command) {
    var builder =
        new ProcessBuilder(command).directory(folder.toFile()).redirectError(log.toFile());
    builder.environment().putAll(environment);
    return builder;
  }

  /** With what it has started. */
  static void kill(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  /** The last lines of a file. */
  static String tail(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
  }
}
