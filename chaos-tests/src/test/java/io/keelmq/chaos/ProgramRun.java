package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * A program of the built distribution as people run it: {@code bin/NAME ARGUMENT ...}, its output
 * and how it ended. For one thread.
 */
final class ProgramRun implements AutoCloseable {

  private static final long END_SECONDS = 60;

  private final Process process;
  private final Path output;
  private final Path errors;

  private ProgramRun(Process process, Path output, Path errors) {
    this.process = process;
    this.output = output;
    this.errors = errors;
  }

  /**
   * @param folder takes the files that the program's output goes to
   */
  static ProgramRun start(Path folder, String program, List<String> arguments) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("keelmq.home"), "bin", program).toString());
    command.addAll(arguments);
    try {
      Path output = Files.createTempFile(folder, program, ".out");
      Path errors = Files.createTempFile(folder, program, ".err");
      var builder = new ProcessBuilder(command);
      builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
      // They live for a second; compiling well would take longer than what it is for.
      builder.environment().put("KEELMQ_JAVA_OPTS", "-XX:TieredStopAtLevel=1");
      Process process =
          builder.redirectOutput(output.toFile()).redirectError(errors.toFile()).start();
      process.getOutputStream().close();
      return new ProgramRun(process, output, errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A broker process beside the cluster's own bookkeeping, on the node's ports and data. */
  static ProgramRun broker(LocalCluster cluster, Node node) {
    return broker(cluster, node, node);
  }

  /**
   * @param ports whose ports it takes; its name and data folder are those of {@code node}
   */
  static ProgramRun broker(LocalCluster cluster, Node node, Node ports) {
    var settings = new TreeMap<String, String>(cluster.brokerSettings());
    settings.put("node", node.id());
    settings.put("data.dir", cluster.dataDir(node).toString());
    settings.put("client.listen", ports.client().toString());
    settings.put("raft.listen", ports.raft().toString());
    settings.put("ops.listen", ports.ops().toString());
    settings.put(
        "name.servers",
        cluster.nameServers().stream()
            .map(server -> server.client().toString())
            .collect(Collectors.joining(",")));
    var arguments = new ArrayList<String>();
    settings.forEach((key, value) -> arguments.add(key + "=" + value));
    return start(cluster.logFile(node).getParent(), "broker", arguments);
  }

  /** Waits for its end. */
  int exitCode() {
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        fail("it has not ended in " + END_SECONDS + " s; it said\n" + String.join("\n", errors()));
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  List<String> output() {
    return lines(output);
  }

  /** What it wrote to its error stream; a broker's log goes there. */
  List<String> errors() {
    return lines(errors);
  }

  /** The lines of a log that somebody must act on. */
  static List<String> errorLines(List<String> log) {
    return log.stream().filter(line -> line.contains(" ERROR ")).toList();
  }

  /** The lines in which a broker says why it does not run any more. */
  static List<String> lastWords(List<String> log) {
    return errorLines(log).stream()
        .filter(line -> line.contains(" did not start: ") || line.contains(" leaves its group: "))
        .toList();
  }

  /**
   * Waits for the end of a broker that must not start: one line, no stack trace.
   *
   * @param parts of that line
   */
  String refusal(String... parts) {
    String line = lastWord(parts);
    List<String> log = errors();
    assertEquals(1, errorLines(log).size(), () -> String.join("\n", log));
    assertTrue(
        log.stream().noneMatch(each -> each.startsWith("\tat ")), () -> String.join("\n", log));
    return line;
  }

  /**
   * Waits for the end of a broker that must not go on: it says once why, whatever else it logs.
   *
   * @param parts of what it says
   */
  String lastWord(String... parts) {
    int exitCode = exitCode();
    List<String> log = errors();
    String all = String.join("\n", log);
    assertEquals(1, exitCode, all);
    List<String> words = lastWords(log);
    assertEquals(1, words.size(), all);
    for (String part : parts) {
      assertTrue(words.get(0).contains(part), () -> "expected \"" + part + "\" in\n" + all);
    }
    return words.get(0);
  }

  /** Ends it, if it has not ended by itself. */
  @Override
  public void close() {
    process.destroyForcibly();
    exitCode();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
