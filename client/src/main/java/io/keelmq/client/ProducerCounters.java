package io.keelmq.client;

import io.keelmq.v1.BatchReceipt;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * Where a producer's messages end: completes their futures, gives their bytes back and counts.
 * Settles on the loop; may be read from any thread.
 */
final class ProducerCounters implements SequenceLine.Settlement {

  final LongAdder acceptedMessages = new LongAdder();
  final LongAdder acknowledgedMessages = new LongAdder();
  final LongAdder failedMessages = new LongAdder();
  final LongAdder acknowledgedBatches = new LongAdder();
  final LongAdder republishedBatches = new LongAdder();
  final LongAdder duplicateBatches = new LongAdder();
  final LongAdder openedStreams = new LongAdder();
  final SequenceLine.Settlement settlement = this;

  private final BufferBudget budget;

  ProducerCounters(BufferBudget budget) {
    this.budget = budget;
  }

  @Override
  public void stored(Batch batch, BatchReceipt receipt) {
    acknowledgedBatches.increment();
    if (receipt.getDuplicate()) {
      duplicateBatches.increment();
    }
    long freed = 0;
    long settled = 0;
    for (PendingMessage message : batch.messages()) {
      if (!message.settled) {
        freed += budget.share(message.record.length);
        settled++;
      }
    }
    // Room first: whoever a completed future wakes may want to send.
    acknowledgedMessages.add(settled);
    budget.giveBack(freed);
    for (int run = 0; run < batch.runs().size(); run++) {
      List<PendingMessage> messages = batch.runs().get(run);
      long offset = receipt.getFirstOffsets(run);
      String heldId = run < receipt.getHeldIdsCount() ? receipt.getHeldIds(run) : "";
      for (PendingMessage message : messages) {
        if (!message.settled) {
          message.settled = true;
          message.result.complete(
              new Receipt(
                  message.topic,
                  message.queue,
                  offset,
                  message.messageId,
                  receipt.getDuplicate(),
                  heldId));
        }
        offset += heldId.isEmpty() ? 1 : 0;
      }
    }
  }

  @Override
  public void failed(PendingMessage message, KeelException failure) {
    if (message.settled) {
      return;
    }
    message.settled = true;
    failedMessages.increment();
    budget.giveBack(budget.share(message.record.length));
    message.result.completeExceptionally(failure);
  }

  ProducerStats stats() {
    long acknowledged = acknowledgedMessages.sum();
    long failed = failedMessages.sum();
    long accepted = acceptedMessages.sum();
    return new ProducerStats(
        accepted,
        acknowledged,
        failed,
        acknowledgedBatches.sum(),
        republishedBatches.sum(),
        duplicateBatches.sum(),
        openedStreams.sum(),
        budget.used(),
        Math.max(0, accepted - acknowledged - failed));
  }
}
