package io.keelmq.client;

import io.keelmq.v1.Code;

/** The client, producer or reader was closed before the request was sent: nothing was applied. */
public final class ClientClosed extends KeelException {

  private static final long serialVersionUID = 1L;

  ClientClosed(Code code, String message) {
    this(code, message, null);
  }

  ClientClosed(Code code, String message, Throwable cause) {
    super(code, message, cause);
  }

  @Override
  ClientClosed rethrown() {
    return new ClientClosed(code(), getMessage(), this);
  }
}
