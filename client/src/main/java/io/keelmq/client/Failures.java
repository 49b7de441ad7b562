package io.keelmq.client;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;

/** Reads what a failed call or a receipt allows to conclude. */
final class Failures {

  private Failures() {}

  /** True for codes that a repetition cannot change: 1xx and 2xx. */
  static boolean isDefinite(Code code) {
    return code.getNumber() >= 100 && code.getNumber() < 300;
  }

  static ErrorDetail detail(Throwable failure) {
    return StatusDetails.fromThrowable(failure);
  }

  /** True when the connection was refused, so that the request cannot have reached anybody. */
  static boolean neverSent(Throwable failure) {
    if (Status.fromThrowable(failure).getCode() != Status.Code.UNAVAILABLE) {
      return false;
    }
    int depth = 0;
    for (Throwable t = failure; t != null && depth < 10; t = t.getCause(), depth++) {
      if (t instanceof ConnectException
          || t instanceof NoRouteToHostException
          || t instanceof UnknownHostException) {
        return true;
      }
    }
    return false;
  }

  /** As one of ours, with the stack of whoever waits. */
  static KeelException unwrap(Throwable failure) {
    int depth = 0;
    for (Throwable t = failure; t != null && depth < 10; t = t.getCause(), depth++) {
      if (t instanceof KeelException known) {
        return known.rethrown();
      }
      if (t instanceof StatusRuntimeException) {
        return fromStatus(t);
      }
    }
    return new OutcomeUnknown(Code.INTERNAL, "unexpected: " + failure, failure);
  }

  private static KeelException fromStatus(Throwable failure) {
    ErrorDetail detail = detail(failure);
    if (isDefinite(detail.getCode())) {
      return new RequestRejected(detail.getCode(), detail.getMessage(), failure);
    }
    if (StatusDetails.isRetryable(detail.getCode()) || neverSent(failure)) {
      return new Unavailable(detail.getCode(), detail.getMessage(), failure);
    }
    return new OutcomeUnknown(detail.getCode(), detail.getMessage(), failure);
  }
}
