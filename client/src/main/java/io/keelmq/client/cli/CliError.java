package io.keelmq.client.cli;

/** Ends a command with one line that says what is wrong and what to do. */
final class CliError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int exitCode;
  private final String code;

  /**
   * @param exitCode one of {@link ExitCodes}
   * @param code a word for programs, in the protocol's spelling
   */
  CliError(int exitCode, String code, String message) {
    this(exitCode, code, message, null);
  }

  CliError(int exitCode, String code, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
    this.code = code;
  }

  static CliError usage(String message) {
    return new CliError(ExitCodes.USAGE, "INVALID_ARGUMENT", message);
  }

  int exitCode() {
    return exitCode;
  }

  String code() {
    return code;
  }
}
