package io.keelmq.broker.api;

import io.grpc.StatusRuntimeException;
import io.keelmq.broker.Leadership;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;

/**
 * Why a call is not answered with what it asked for. Immutable.
 *
 * @param message what was expected, what was found and what to do
 */
public record Refusal(Code code, String message) {

  public static Refusal invalid(String message) {
    return new Refusal(Code.INVALID_ARGUMENT, message);
  }

  public static Refusal noLeader(String message) {
    return new Refusal(Code.NO_LEADER, message);
  }

  public static Refusal shuttingDown() {
    return new Refusal(Code.SHUTTING_DOWN, "this replica is stopping: go on at another one");
  }

  public static Refusal notInitialized() {
    return new Refusal(
        Code.NOT_INITIALIZED,
        "this replica is in no broker group yet: run keelmq cluster init for a new group; a member"
            + " that lost its folder comes back by itself when its group has a leader");
  }

  /** A defect or a broken promise; the log has the stack. */
  public static Refusal internal(Throwable cause) {
    return new Refusal(Code.INTERNAL, cause.toString());
  }

  /** The end of a call, with who leads as a hint. */
  StatusRuntimeException toException(Leadership leadership) {
    return StatusDetails.toException(
        ErrorDetail.newBuilder()
            .setCode(code)
            .setMessage(message)
            .setLeaderNode(leadership.leaderNode().orElse(""))
            .build());
  }
}
