package io.keelmq.chaos.kills;

import io.keelmq.failpoint.Failpoint;
import java.util.List;

/**
 * What became of one kill.
 *
 * @param died the child said so in its last line, and ended with the exit code of a failpoint
 * @param problems promises that the folder it left does not keep
 */
public record Outcome(
    String rig, Failpoint failpoint, long hit, boolean died, List<String> problems, long millis) {

  public Outcome {
    problems = List.copyOf(problems);
  }

  public boolean holds() {
    return died && problems.isEmpty();
  }

  @Override
  public String toString() {
    return "%s %s:%d %s, %s, %d ms"
        .formatted(
            rig,
            failpoint,
            hit,
            died ? "hit" : "NOT HIT",
            problems.isEmpty() ? "reopened ok" : "reopened with " + problems,
            millis);
  }
}
