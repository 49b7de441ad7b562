package io.keelmq.chaos.kills;

import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Many kills, some at a time, each in a folder of its own. Immutable. */
public record Rounds(Path parent, int atATime) {

  /** One kill to come. */
  public record Kill(Rig rig, Failpoint failpoint, long hit) {}

  /**
   * Does them all. Folders in which a promise was broken are left.
   *
   * @param progress told of each as it ends, by several threads
   */
  public List<Outcome> run(List<Kill> kills, Consumer<Outcome> progress) throws IOException {
    Files.createDirectories(parent);
    ExecutorService threads = Executors.newFixedThreadPool(atATime);
    try {
      var running = new ArrayList<Future<Outcome>>();
      for (Kill kill : kills) {
        Callable<Outcome> task =
            () -> {
              Outcome outcome = run(kill);
              progress.accept(outcome);
              return outcome;
            };
        running.add(threads.submit(task));
      }
      var outcomes = new ArrayList<Outcome>();
      for (Future<Outcome> each : running) {
        outcomes.add(each.get());
      }
      return outcomes;
    } catch (ExecutionException e) {
      throw new IOException("a kill could not be done", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted between kills", e);
    } finally {
      threads.shutdownNow();
    }
  }

  private Outcome run(Kill kill) throws IOException {
    Path folder = Files.createTempDirectory(parent, kill.failpoint() + "-" + kill.hit() + "-");
    Outcome outcome = kill.rig().kill(kill.failpoint(), kill.hit(), folder);
    if (outcome.problems().isEmpty()) {
      delete(folder);
    }
    return outcome;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
