package io.keelmq.client;

import io.keelmq.v1.Code;

/**
 * The buffer of the producer stayed full for as long as the call was allowed to block: the message
 * was not taken and will not be sent. Send less, wait, or allow a larger buffer.
 */
public final class Overloaded extends KeelException {

  private static final long serialVersionUID = 1L;

  Overloaded(Code code, String message) {
    this(code, message, null);
  }

  Overloaded(Code code, String message, Throwable cause) {
    super(code, message, cause);
  }

  @Override
  Overloaded rethrown() {
    return new Overloaded(code(), getMessage(), this);
  }
}
