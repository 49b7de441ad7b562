package io.keelmq.client;

import io.keelmq.v1.Code;

/**
 * The request was handed to a replica and no answer came before the deadline: it may have been
 * applied, or may be applied yet. Look before repeating it: sending the message again can store it
 * twice; repeating an administrative change is safe where the change is the same.
 */
public final class OutcomeUnknown extends KeelException {

  private static final long serialVersionUID = 1L;

  OutcomeUnknown(Code code, String message) {
    this(code, message, null);
  }

  OutcomeUnknown(Code code, String message, Throwable cause) {
    super(code, message, cause);
  }

  @Override
  OutcomeUnknown rethrown() {
    return new OutcomeUnknown(code(), getMessage(), this);
  }
}
