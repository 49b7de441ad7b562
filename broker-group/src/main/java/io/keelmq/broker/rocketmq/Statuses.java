package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.Refusal;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Status;
import java.util.List;

/** What responses say of how a call went. Stateless. */
final class Statuses {

  static final Status OK = Status.newBuilder().setCode(Code.OK).setMessage("OK").build();

  private Statuses() {}

  static Status of(Code code, String message) {
    return Status.newBuilder().setCode(code).setMessage(message).build();
  }

  static Status of(Refusal refusal) {
    return of(code(refusal.code()), refusal.message());
  }

  /** Of a response with several results. */
  static Status ofAll(List<Status> results) {
    Code first = results.get(0).getCode();
    return results.stream().allMatch(result -> result.getCode() == first)
        ? results.get(0)
        : of(Code.MULTIPLE_RESULTS, "the entries differ: see each");
  }

  /** SDKs know these codes and no others. */
  static Code code(io.keelmq.v1.Code code) {
    return switch (code) {
      case OK -> Code.OK;
      case INVALID_ARGUMENT, QUEUE_NOT_FOUND -> Code.BAD_REQUEST;
      case ILLEGAL_TOPIC -> Code.ILLEGAL_TOPIC;
      case ILLEGAL_CONSUMER_GROUP -> Code.ILLEGAL_CONSUMER_GROUP;
      case ILLEGAL_OFFSET, OFFSET_OUT_OF_RANGE -> Code.ILLEGAL_OFFSET;
      case ILLEGAL_MESSAGE_ID -> Code.ILLEGAL_MESSAGE_ID;
      case ILLEGAL_MESSAGE_TAG -> Code.ILLEGAL_MESSAGE_TAG;
      case ILLEGAL_MESSAGE_KEY -> Code.ILLEGAL_MESSAGE_KEY;
      case ILLEGAL_MESSAGE_PROPERTY_KEY -> Code.ILLEGAL_MESSAGE_PROPERTY_KEY;
      case ILLEGAL_MESSAGE_GROUP -> Code.ILLEGAL_MESSAGE_GROUP;
      case MESSAGE_BODY_TOO_LARGE -> Code.MESSAGE_BODY_TOO_LARGE;
      case MESSAGE_PROPERTIES_TOO_LARGE -> Code.MESSAGE_PROPERTIES_TOO_LARGE;
      case MESSAGE_CORRUPTED -> Code.MESSAGE_CORRUPTED;
      case ILLEGAL_DELIVERY_TIME -> Code.ILLEGAL_DELIVERY_TIME;
      case ILLEGAL_INVISIBLE_TIME -> Code.ILLEGAL_INVISIBLE_TIME;
      case ILLEGAL_FILTER_EXPRESSION -> Code.ILLEGAL_FILTER_EXPRESSION;
      case TOPIC_NOT_FOUND -> Code.TOPIC_NOT_FOUND;
      case CONSUMER_GROUP_NOT_FOUND -> Code.CONSUMER_GROUP_NOT_FOUND;
      case MESSAGE_TYPE_CONFLICT -> Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE;
      case LEASE_NOT_FOUND -> Code.INVALID_RECEIPT_HANDLE;
      case TOO_MANY_REQUESTS -> Code.TOO_MANY_REQUESTS;
      case NO_LEADER, SHUTTING_DOWN, NOT_INITIALIZED, WARMING_UP -> Code.HA_NOT_AVAILABLE;
      case DISK_FULL -> Code.MASTER_PERSISTENCE_TIMEOUT;
      case OUTCOME_UNKNOWN -> Code.PROXY_TIMEOUT;
      case CONSUMER_GROUP_KIND_CONFLICT, PRECONDITION_FAILED -> Code.PRECONDITION_FAILED;
      // What does not wait any more, or never did: RocketMQ's own answer.
      case HELD_NOT_FOUND -> Code.INTERNAL_SERVER_ERROR;
      default -> Code.INTERNAL_SERVER_ERROR;
    };
  }
}
