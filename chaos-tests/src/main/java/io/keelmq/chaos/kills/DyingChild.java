package io.keelmq.chaos.kills;

import io.keelmq.failpoint.Failpoint;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A child JVM that was started to die at a failpoint, and has ended. Immutable.
 *
 * @param output what it wrote, both streams
 */
record DyingChild(int exitCode, String output) {

  /** A child that lives longer hangs. */
  private static final Duration DEADLINE = Duration.ofMinutes(10);

  /**
   * It lives for a second: the second compiler and a second collector would cost more than that.
   */
  private static final List<String> SMALL_JVM =
      List.of("-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m");

  /**
   * Runs a main to its end.
   *
   * @param armed {@code NAME:hit}, or nothing
   * @param classPath a class of each jar or folder that it needs
   * @param out takes its output
   */
  static DyingChild run(
      Class<?> main, String armed, Set<Class<?>> classPath, Path out, String... arguments)
      throws IOException {
    return run(main, armed, classPath(classPath), out, arguments);
  }

  /** As the other one, with the class path of this JVM. */
  static DyingChild runWithAll(Class<?> main, String armed, Path out, String... arguments)
      throws IOException {
    return run(main, armed, System.getProperty("java.class.path"), out, arguments);
  }

  private static DyingChild run(
      Class<?> main, String armed, String classPath, Path out, String... arguments)
      throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(SMALL_JVM);
    command.add("-Djava.net.preferIPv4Stack=true");
    if (!armed.isEmpty()) {
      command.add("-D" + Failpoint.PROPERTY + "=" + armed);
    }
    command.addAll(List.of("-cp", classPath, main.getName()));
    command.addAll(List.of(arguments));
    Process child =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            // A file: what was written to a pipe could go with the process.
            .redirectOutput(ProcessBuilder.Redirect.appendTo(out.toFile()))
            .start();
    try {
      if (!child.waitFor(DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
        throw new IOException(
            "%s armed with %s still runs after %s".formatted(main.getName(), armed, DEADLINE));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for a child", e);
    } finally {
      child.destroyForcibly();
    }
    return new DyingChild(child.exitValue(), Files.readString(out, StandardCharsets.UTF_8));
  }

  private static String classPath(Set<Class<?>> classes) {
    var places = new LinkedHashSet<String>();
    for (Class<?> each : classes) {
      try {
        places.add(
            Path.of(each.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
      } catch (URISyntaxException e) {
        throw new UncheckedIOException(new IOException("no place of " + each, e));
      }
    }
    return String.join(File.pathSeparator, places);
  }

  /** Whether it said that it dies here, and did. */
  boolean diedAt(Failpoint failpoint, long hit) {
    return exitCode == Failpoint.EXIT_CODE
        && output.lines().anyMatch(Failpoint.line(failpoint, hit)::equals);
  }

  /** Whether it came to the end of its script. */
  boolean finished() {
    return exitCode == 0;
  }

  /** Of a child that did neither. */
  String lastWords() {
    List<String> lines = output.lines().toList();
    return "exit code %d: %s"
        .formatted(
            exitCode,
            String.join(" | ", lines.subList(Math.max(0, lines.size() - 12), lines.size())));
  }
}
