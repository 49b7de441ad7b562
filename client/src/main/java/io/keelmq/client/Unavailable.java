package io.keelmq.client;

import io.keelmq.v1.Code;

/**
 * No replica could take the request before its deadline: nothing was applied. Repeat it later; look
 * at the cluster if it stays so.
 */
public final class Unavailable extends KeelException {

  private static final long serialVersionUID = 1L;

  Unavailable(Code code, String message) {
    this(code, message, null);
  }

  Unavailable(Code code, String message, Throwable cause) {
    super(code, message, cause);
  }

  @Override
  Unavailable rethrown() {
    return new Unavailable(code(), getMessage(), this);
  }
}
