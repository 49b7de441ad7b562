package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.LeaseKey;
import io.keelmq.broker.state.LeaseId;
import java.util.Optional;

/**
 * Names one delivery of one message, at any replica and under any leader: the lease is in the
 * replicated state. Immutable.
 *
 * @param deadlineMillis log time at which the lease ends, as far as was known then
 * @param renewed the server keeps the lease up, so that the deadline says nothing
 */
record ReceiptHandle(
    long groupId, long topicId, LeaseKey lease, long offset, long deadlineMillis, boolean renewed) {

  private static final char KIND = 'R';
  private static final int NUMBERS = 9;

  String encode() {
    return Handles.write(
        KIND,
        "",
        groupId,
        topicId,
        lease.queue(),
        lease.generation(),
        lease.id().logIndex(),
        lease.id().ordinal(),
        offset,
        deadlineMillis,
        renewed ? 1 : 0);
  }

  static Optional<ReceiptHandle> parse(String handle) {
    return Handles.read(KIND, NUMBERS, handle)
        .map(Handles.Content::numbers)
        .filter(ReceiptHandle::isSound)
        .map(
            numbers ->
                new ReceiptHandle(
                    numbers[0],
                    numbers[1],
                    new LeaseKey(
                        (int) numbers[2],
                        (int) numbers[3],
                        new LeaseId(numbers[4], (int) numbers[5])),
                    numbers[6],
                    numbers[7],
                    numbers[8] == 1));
  }

  private static boolean isSound(long[] numbers) {
    for (long number : numbers) {
      if (number < 0) {
        return false;
      }
    }
    return numbers[2] <= Integer.MAX_VALUE
        && numbers[3] <= Integer.MAX_VALUE
        && numbers[5] <= Integer.MAX_VALUE
        && numbers[6] < Long.MAX_VALUE;
  }

  ReceiptHandle with(LeaseKey other, long otherDeadlineMillis) {
    return new ReceiptHandle(groupId, topicId, other, offset, otherDeadlineMillis, false);
  }
}
