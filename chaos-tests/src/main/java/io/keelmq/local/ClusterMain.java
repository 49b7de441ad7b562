package io.keelmq.local;

import picocli.CommandLine;

/** The program behind {@code scripts/cluster}. */
public final class ClusterMain {

  private ClusterMain() {}

  public static void main(String[] args) {
    System.exit(run(args));
  }

  static int run(String... args) {
    return new CommandLine(new ClusterCommand())
        .setExecutionExceptionHandler(
            (failure, command, parsed) -> {
              if (failure instanceof ClusterFailure known) {
                System.err.println("cluster: " + known.getMessage());
                return known.kind().exitCode();
              }
              throw failure;
            })
        .execute(args);
  }
}
