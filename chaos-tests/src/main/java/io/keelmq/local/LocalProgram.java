package io.keelmq.local;

import picocli.CommandLine;

/** Runs a command as the whole of this JVM: one clear line for what fails, and its exit code. */
public final class LocalProgram {

  private LocalProgram() {}

  /** Does not return. */
  public static void main(Object command, String[] args) {
    System.exit(run(command, args));
  }

  /** Returns the exit code. */
  static int run(Object command, String... args) {
    return new CommandLine(command)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(
            (failure, line, parsed) -> {
              if (failure instanceof ClusterFailure known) {
                System.err.println(line.getCommandSpec().root().name() + ": " + known.getMessage());
                return known.kind().exitCode();
              }
              throw failure;
            })
        .execute(args);
  }
}
