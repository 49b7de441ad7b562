package io.keelmq.common;

import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;

/**
 * How an {@link ErrorDetail} travels in the end of a gRPC call: in the trailer {@code
 * keelmq-error-bin}, beside the gRPC code nearest to it. Servers write it and clients read it here,
 * so that both agree.
 */
public final class StatusDetails {

  public static final Metadata.Key<ErrorDetail> ERROR_KEY =
      Metadata.Key.of(
          "keelmq-error-bin", ProtoUtils.metadataMarshaller(ErrorDetail.getDefaultInstance()));

  private StatusDetails() {}

  public static StatusRuntimeException toException(Code code, String message) {
    return toException(ErrorDetail.newBuilder().setCode(code).setMessage(message).build());
  }

  public static StatusRuntimeException toException(ErrorDetail detail) {
    var trailers = new Metadata();
    trailers.put(ERROR_KEY, detail);
    return grpcStatus(detail.getCode())
        .withDescription(detail.getCode() + ": " + detail.getMessage())
        .asRuntimeException(trailers);
  }

  /**
   * What a failed call says. A failure without our trailer comes from gRPC itself or from a broken
   * connection: the call may have been applied, so it reads OUTCOME_UNKNOWN, but for the codes that
   * gRPC gives before a request leaves or that say that nobody serves it.
   */
  public static ErrorDetail fromThrowable(Throwable failure) {
    Metadata trailers = Status.trailersFromThrowable(failure);
    if (trailers != null) {
      ErrorDetail detail = trailers.get(ERROR_KEY);
      if (detail != null) {
        return detail;
      }
    }
    Status status = Status.fromThrowable(failure);
    Code code =
        switch (status.getCode()) {
          case UNIMPLEMENTED, INVALID_ARGUMENT -> Code.INVALID_ARGUMENT;
          case RESOURCE_EXHAUSTED -> Code.TOO_MANY_REQUESTS;
          default -> Code.OUTCOME_UNKNOWN;
        };
    String text = status.getDescription();
    return ErrorDetail.newBuilder()
        .setCode(code)
        .setMessage(status.getCode() + (text == null ? "" : ": " + text))
        .build();
  }

  /** True for codes that say: not applied, and worth repeating as it is. */
  public static boolean isRetryable(Code code) {
    return code.getNumber() >= 300 && code.getNumber() < 400;
  }

  /** True for codes after which nobody knows whether the call was applied. */
  public static boolean isUnknownOutcome(Code code) {
    return code.getNumber() >= 400 || code == Code.CODE_UNSPECIFIED;
  }

  private static Status grpcStatus(Code code) {
    return switch (code) {
      case OK -> throw new IllegalArgumentException("OK is no error");
      case TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, CONSUMER_GROUP_NOT_FOUND -> Status.NOT_FOUND;
      case TOPIC_EXISTS, CONSUMER_GROUP_EXISTS, ALREADY_INITIALIZED -> Status.ALREADY_EXISTS;
      case OFFSET_OUT_OF_RANGE -> Status.OUT_OF_RANGE;
      case TOO_MANY_REQUESTS, DISK_FULL -> Status.RESOURCE_EXHAUSTED;
      case NO_LEADER, WARMING_UP, SHUTTING_DOWN, NOT_INITIALIZED -> Status.UNAVAILABLE;
      case OUTCOME_UNKNOWN -> Status.UNKNOWN;
      case INTERNAL -> Status.INTERNAL;
      default ->
          code.getNumber() >= 200 && code.getNumber() < 300
              ? Status.FAILED_PRECONDITION
              : Status.INVALID_ARGUMENT;
    };
  }
}
