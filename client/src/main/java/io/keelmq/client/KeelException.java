package io.keelmq.client;

import io.keelmq.v1.Code;
import java.util.Objects;

/**
 * A call that did not succeed. Its kind says what the caller may conclude:
 *
 * <ul>
 *   <li>{@link RequestRejected}, {@link Overloaded}, {@link Unavailable}, {@link ClientClosed}:
 *       definite, nothing was or will be applied;
 *   <li>{@link OutcomeUnknown}: it may have been applied, or may still be;
 *   <li>{@link MessagesTrimmed}: a reader lost a range to retention and goes on behind it;
 *   <li>{@link LeaseLost}: a message went back to its consumer group before it was settled.
 * </ul>
 *
 * The message gives what was expected, what was found and what to do.
 */
public abstract sealed class KeelException extends RuntimeException
    permits RequestRejected,
        Overloaded,
        Unavailable,
        OutcomeUnknown,
        ClientClosed,
        MessagesTrimmed,
        LeaseLost {

  private static final long serialVersionUID = 1L;

  private final Code code;

  KeelException(Code code, String message, Throwable cause) {
    super(message, cause);
    this.code = Objects.requireNonNull(code);
  }

  /** The protocol's code for it; never OK. */
  public final Code code() {
    return code;
  }

  /** A new exception of the same kind and words, so that the stack names the waiting caller. */
  abstract KeelException rethrown();
}
