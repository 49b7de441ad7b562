package io.keelmq.broker.rocketmq;

import io.grpc.Deadline;
import io.keelmq.broker.api.MessageFilter;
import io.keelmq.broker.api.Refusal;
import io.keelmq.broker.api.TagFilter;
import io.keelmq.broker.filter.FilterSyntaxException;
import io.keelmq.broker.filter.SqlFilter;
import io.keelmq.broker.state.Limits;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.FilterExpression;
import io.keelmq.rocketmq.v2.FilterType;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Status;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * A ReceiveMessage that was checked. Immutable.
 *
 * @param messages at most; 0: none are wanted
 * @param kept the server keeps the leases up while the client lives
 * @param attemptId of the client, or made for this call, so that a leader who takes over finds what
 *     the call was given
 * @param waitMillis at most, until there is a message
 */
record PollRequest(
    String group,
    Resource topic,
    MessageFilter filter,
    int messages,
    long invisibleMillis,
    boolean kept,
    String attemptId,
    long waitMillis) {

  static final int MAX_MESSAGES = 32;
  static final long MIN_INVISIBLE_MILLIS = 10_000;
  static final long MIN_WAIT_MILLIS = 5_000;
  static final long MAX_WAIT_MILLIS = 20_000;

  /** Left of the caller's deadline for the way back, where that decides how long to wait. */
  private static final long DEADLINE_MARGIN_MILLIS = 500;

  /** The first SDK versions know no code for it. */
  private static final String BEFORE_POLLING_TIME = "5\\.0\\.[0-2]([^0-9].*)?";

  /** Says what is wrong. */
  static final class Unfit extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Status status;

    Unfit(Status status) {
      super(status.getMessage(), null, false, false);
      this.status = status;
    }

    Status status() {
      return status;
    }
  }

  static PollRequest of(
      ReceiveMessageRequest request, String version, Deadline deadline, boolean forwarded)
      throws Unfit {
    Optional<Status> refusal =
        ResourceChecks.group(request.getGroup())
            .or(() -> ResourceChecks.topic(request.getMessageQueue().getTopic()));
    if (refusal.isPresent()) {
      throw new Unfit(refusal.get());
    }
    boolean ownAttempt =
        !request.getAttemptId().isBlank()
            && request.getAttemptId().length() < Limits.MAX_ATTEMPT_ID;
    return new PollRequest(
        ResourceChecks.name(request.getGroup()),
        request.getMessageQueue().getTopic(),
        filter(request.getFilterExpression()),
        Math.max(0, Math.min(MAX_MESSAGES, request.getBatchSize())),
        invisibleMillis(request),
        request.getAutoRenew(),
        ownAttempt ? request.getAttemptId() : UUID.randomUUID().toString(),
        forwarded
            ? Math.max(0, Times.millis(request.getLongPollingTimeout()))
            : waitMillis(request, version, deadline));
  }

  private static MessageFilter filter(FilterExpression expression) throws Unfit {
    if (expression.getType() == FilterType.SQL) {
      try {
        return new SqlRecordFilter(SqlFilter.compile(expression.getExpression()));
      } catch (FilterSyntaxException e) {
        throw new Unfit(
            Statuses.of(Code.ILLEGAL_FILTER_EXPRESSION, "the filter " + e.getMessage()));
      }
    }
    if (expression.getType() == FilterType.UNRECOGNIZED) {
      throw new Unfit(
          Statuses.of(
              Code.ILLEGAL_FILTER_EXPRESSION,
              "filter type " + expression.getTypeValue() + ": expected TAG or SQL"));
    }
    Optional<Refusal> refusal = TagFilter.check(expression.getExpression());
    if (refusal.isPresent()) {
      throw new Unfit(Statuses.of(refusal.get()));
    }
    return TagFilter.of(expression.getExpression());
  }

  private static long invisibleMillis(ReceiveMessageRequest request) throws Unfit {
    if (request.getAutoRenew()) {
      return PolledLeases.FIRST_MILLIS;
    }
    long millis = Times.millis(request.getInvisibleDuration());
    if (!request.hasInvisibleDuration()
        || millis < MIN_INVISIBLE_MILLIS
        || millis > Limits.MAX_INVISIBLE_MILLIS) {
      throw new Unfit(
          Statuses.of(
              Code.ILLEGAL_INVISIBLE_TIME,
              "invisible_duration of "
                  + millis
                  + " ms: expected "
                  + MIN_INVISIBLE_MILLIS
                  + " to "
                  + Limits.MAX_INVISIBLE_MILLIS));
    }
    return millis;
  }

  private static long waitMillis(ReceiveMessageRequest request, String version, Deadline deadline)
      throws Unfit {
    long wanted =
        request.hasLongPollingTimeout()
            ? Times.millis(request.getLongPollingTimeout())
            : MAX_WAIT_MILLIS;
    long wait = Math.max(MIN_WAIT_MILLIS, Math.min(MAX_WAIT_MILLIS, wanted));
    if (deadline == null) {
      return wait;
    }
    long left = deadline.timeRemaining(TimeUnit.MILLISECONDS);
    if (left < MIN_WAIT_MILLIS) {
      throw new Unfit(
          Statuses.of(
              version.matches(BEFORE_POLLING_TIME) ? Code.BAD_REQUEST : Code.ILLEGAL_POLLING_TIME,
              "the deadline of the call is in "
                  + left
                  + " ms: expected "
                  + MIN_WAIT_MILLIS
                  + " or more"));
    }
    return Math.min(wait, left - DEADLINE_MARGIN_MILLIS);
  }

  /** The attempt's id as it stands in the state. */
  String storedAttemptId() {
    return PolledLeases.stored(attemptId, kept);
  }
}
