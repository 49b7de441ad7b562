package io.keelmq.local;

/** Why a command about a local cluster cannot be carried out, in words for the user. */
public final class ClusterFailure extends RuntimeException {

  private static final long serialVersionUID = 1;

  /** What the exit code of the command says; the same numbers as those of {@code keelmq}. */
  public enum Kind {
    FAILED(1),
    USAGE(2),
    NOT_FOUND(3),
    UNAVAILABLE(4),
    PRECONDITION(5);

    private final int exitCode;

    Kind(int exitCode) {
      this.exitCode = exitCode;
    }

    public int exitCode() {
      return exitCode;
    }
  }

  private final Kind kind;

  public ClusterFailure(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public ClusterFailure(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
