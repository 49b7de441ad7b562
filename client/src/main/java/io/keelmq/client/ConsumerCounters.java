package io.keelmq.client;

import java.util.concurrent.atomic.LongAdder;

/** What a consumer counts. Added to on the loop and on listener threads; read from any. */
final class ConsumerCounters {

  final LongAdder deliveredMessages = new LongAdder();
  final LongAdder redeliveredMessages = new LongAdder();
  final LongAdder duplicateMessages = new LongAdder();
  final LongAdder acknowledgedMessages = new LongAdder();
  final LongAdder nackedMessages = new LongAdder();
  final LongAdder deadLetteredMessages = new LongAdder();
  final LongAdder lostMessages = new LongAdder();
  final LongAdder unknownMessages = new LongAdder();
  final LongAdder returnedMessages = new LongAdder();
  final LongAdder trimmedMessages = new LongAdder();
  final LongAdder listenerFailures = new LongAdder();
  final LongAdder settleRequests = new LongAdder();
  final LongAdder repeatedSettles = new LongAdder();
  final LongAdder openedStreams = new LongAdder();
  final LongAdder pauses = new LongAdder();

  ConsumerStats stats(CreditLine credit) {
    return new ConsumerStats(
        deliveredMessages.sum(),
        redeliveredMessages.sum(),
        duplicateMessages.sum(),
        acknowledgedMessages.sum(),
        nackedMessages.sum(),
        deadLetteredMessages.sum(),
        lostMessages.sum(),
        unknownMessages.sum(),
        returnedMessages.sum(),
        trimmedMessages.sum(),
        listenerFailures.sum(),
        settleRequests.sum(),
        repeatedSettles.sum(),
        openedStreams.sum(),
        pauses.sum(),
        credit.undecided(),
        credit.undecidedBytes(),
        credit.allowance());
  }
}
