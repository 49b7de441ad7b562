package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.Distribution;
import io.keelmq.local.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The processes of lease consumers of a run: some places, in each of which one process runs, is
 * killed and replaced by the next. Owned by the thread that drives the run. Their ends in a hurry
 * are with this JVM's: they end when their input does.
 */
final class ConsumerProcesses implements AutoCloseable {

  private static final Duration END_DEADLINE = Duration.ofSeconds(30);
  private static final String MEMORY = "-Xmx128m";

  private final String endpoints;
  private final Path folder;
  private final History history;
  private final long seed;
  private final Running[] places;
  private final List<Path> histories = new ArrayList<>();
  private final List<String> troubles = new ArrayList<>();
  private int started;
  private int ended;

  private record Running(int firstNumber, Process process, Path output) {}

  /**
   * @param history the run's own, which is told of deaths
   */
  ConsumerProcesses(String endpoints, Path folder, History history, long seed, int places) {
    this.endpoints = endpoints;
    this.folder = folder;
    this.history = history;
    this.seed = seed;
    this.places = new Running[places];
  }

  int places() {
    return places.length;
  }

  /** How many were killed or closed so far. */
  int ended() {
    return ended;
  }

  /** The histories of all that ever ran. */
  List<Path> histories() {
    return List.copyOf(histories);
  }

  List<String> troubles() {
    return List.copyOf(troubles);
  }

  void start(int place) {
    int firstNumber = started++ * Crew.values().length;
    Path historyFile = folder.resolve("history-consumers-" + started + ".bin");
    Path output = folder.resolve("consumers-" + started + ".out");
    var command =
        Distribution.find()
            .javaCommand(
                ConsumerProcess.class,
                List.of(MEMORY, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(
        List.of(
            "--endpoints",
            endpoints,
            "--history",
            historyFile.toString(),
            "--first-number",
            Integer.toString(firstNumber),
            "--seed",
            Long.toString(seed)));
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(output.toFile())
              .redirectError(ProcessBuilder.Redirect.appendTo(output.toFile()))
              .start();
      places[place] = new Running(firstNumber, process, output);
      boolean writes =
          Waiting.until(END_DEADLINE, () -> !process.isAlive() || Files.exists(historyFile));
      if (!writes || !process.isAlive()) {
        throw new ClusterFailure(
            ClusterFailure.Kind.FAILED, "consumers do not start: " + text(places[place]));
      }
      histories.add(historyFile);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Until all consumers of all processes are open. */
  void awaitOpen(Duration deadline) {
    for (Running running : places) {
      if (!Waiting.until(deadline, () -> text(running).contains(ConsumerProcess.OPEN))) {
        throw new ClusterFailure(
            ClusterFailure.Kind.UNAVAILABLE, "consumers do not open: " + text(running));
      }
    }
  }

  /** SIGKILL; returns when the process is gone. */
  void kill(int place) {
    Running running = places[place];
    running.process().destroyForcibly();
    awaitEnd(running);
    ended++;
    // Behind its last event; its streams break in this moment too.
    for (int i = 0; i < Crew.values().length; i++) {
      int number = running.firstNumber() + i;
      history.add(now -> new Event.Leaves(number, false, now));
    }
  }

  /** Ends in order, giving back what is not settled. */
  void close(int place) {
    Running running = places[place];
    tell(running, "close");
    awaitEnd(running);
    ended++;
    if (running.process().exitValue() != 0) {
      troubles.add("consumers ended with " + running.process().exitValue() + ": " + text(running));
    }
  }

  void drain() {
    for (Running running : places) {
      tell(running, "drain");
    }
  }

  @Override
  public void close() {
    endAll();
  }

  /** In order, as far as they still run. Idempotent. */
  void endAll() {
    for (int place = 0; place < places.length; place++) {
      if (places[place] != null && places[place].process().isAlive()) {
        close(place);
      }
      if (places[place] != null && text(places[place]).contains(" ended with ")) {
        troubles.add(text(places[place]));
      }
      places[place] = null;
    }
  }

  private void tell(Running running, String line) {
    try {
      var input = running.process().getOutputStream();
      input.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      input.flush();
    } catch (IOException e) {
      troubles.add("consumers are gone: " + e + ": " + text(running));
    }
  }

  private void awaitEnd(Running running) {
    try {
      if (!running.process().waitFor(END_DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
        troubles.add("consumers do not end: " + text(running));
        // Its exit code is asked for, which there is only once it has ended.
        running.process().destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String text(Running running) {
    try {
      return Files.readString(running.output());
    } catch (IOException e) {
      return e.toString();
    }
  }
}
