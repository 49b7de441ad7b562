package io.keelmq.client;

import io.keelmq.v1.Code;

/**
 * The request is wrong, or does not fit the present state (no such topic, queue out of range, too
 * large): nothing was applied, and repeating it as it is will not help. Correct the request.
 */
public final class RequestRejected extends KeelException {

  private static final long serialVersionUID = 1L;

  RequestRejected(Code code, String message) {
    this(code, message, null);
  }

  RequestRejected(Code code, String message, Throwable cause) {
    super(code, message, cause);
  }

  /** True when a topic, a queue or a consumer group that the request names does not exist. */
  public boolean isNotFound() {
    return switch (code()) {
      case TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, CONSUMER_GROUP_NOT_FOUND -> true;
      default -> false;
    };
  }

  @Override
  RequestRejected rethrown() {
    return new RequestRejected(code(), getMessage(), this);
  }
}
