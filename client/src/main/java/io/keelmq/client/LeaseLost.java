package io.keelmq.client;

import io.keelmq.v1.Code;

/**
 * A message is not leased to this consumer any more: its deadline passed, the group was moved by a
 * seek, or an earlier message of its message group was given back. Nothing was decided about it; it
 * comes again, to whichever consumer, unless another has acknowledged it meanwhile.
 */
public final class LeaseLost extends KeelException {

  private static final long serialVersionUID = 1L;

  LeaseLost(String message) {
    this(message, null);
  }

  private LeaseLost(String message, Throwable cause) {
    super(Code.LEASE_NOT_FOUND, message, cause);
  }

  @Override
  LeaseLost rethrown() {
    return new LeaseLost(getMessage(), this);
  }
}
