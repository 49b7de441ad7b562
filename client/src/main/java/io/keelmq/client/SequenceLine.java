package io.keelmq.client;

import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;

/**
 * The numbers of a producer's batches at one broker group, and what receipts mean for them. Owned
 * by the loop; knows nothing of streams.
 *
 * <p>One rule carries the promise "stored once": <em>a number that was written with some content is
 * never written with other content.</em> Copies of a batch can linger on broken streams and in
 * replicas that stood still, and be applied at any later time; under this rule a late copy is a
 * repeat, or a gap, and never a second message. So when a number falls out (its batch was
 * rejected), the batches behind it are not moved up within the line. The line <em>closes</em>:
 * nothing new is numbered, each batch behind the hole is published under its own number until the
 * broker says that it is stored or that it is not (SEQUENCE_GAP). Then a new epoch, which fences
 * the lingering copies of the old one, begins at 1 with those that are not.
 *
 * <p>A batch whose messages were given up at their deadline keeps its place and is still published,
 * because those behind it can only be stored after it. When only such batches are left, the line is
 * abandoned for a new epoch.
 */
final class SequenceLine {

  /** What the session does next. */
  enum Next {
    GO_ON,
    /** The stream is of no use; open another and publish again what is numbered. */
    REOPEN
  }

  /** Whoever settles messages: completes futures, frees the buffer, counts. */
  interface Settlement {
    void stored(Batch batch, BatchReceipt receipt);

    void failed(PendingMessage message, KeelException failure);
  }

  private final Settlement settlement;
  private final Supplier<String> newProducerId;

  /** Written or to be written under their numbers, in their order. */
  private final ArrayDeque<Batch> numbered = new ArrayDeque<>();

  /** Known not to be stored; they open the next line, in this order. */
  private final List<Batch> regrouped = new ArrayList<>();

  /** Without a number, to be numbered before anything newer. */
  private final ArrayDeque<Batch> waiting = new ArrayDeque<>();

  private String producerId;
  private long epoch;
  private long nextSequence = 1;
  private boolean closing;
  private boolean producerForgotten;
  private long numberedBytes;

  SequenceLine(Settlement settlement, Supplier<String> newProducerId) {
    this.settlement = settlement;
    this.newProducerId = newProducerId;
    producerId = newProducerId.get();
  }

  String producerId() {
    return producerId;
  }

  long epoch() {
    return epoch;
  }

  /** In the order of their numbers. */
  Collection<Batch> numbered() {
    return numbered;
  }

  long numberedBytes() {
    return numberedBytes;
  }

  boolean isEmpty() {
    return numbered.isEmpty() && regrouped.isEmpty() && waiting.isEmpty();
  }

  /** True while nothing new may be numbered. */
  boolean isClosing() {
    return closing;
  }

  /** The next batch that lost its number, or null; those go before new ones. */
  Batch pollWaiting() {
    return waiting.pollFirst();
  }

  Batch peekWaiting() {
    return waiting.peekFirst();
  }

  void number(Batch batch) {
    if (closing || batch.sequence != Batch.UNNUMBERED) {
      throw new IllegalStateException("sequence " + batch.sequence + " in a closing line or twice");
    }
    batch.sequence = nextSequence++;
    batch.copies = 0;
    numbered.addLast(batch);
    numberedBytes += batch.bytes();
  }

  /** Draws the conclusion from a receipt of the current stream. */
  Next onReceipt(Batch batch, BatchReceipt receipt) {
    Code code = receipt.getCode();
    return switch (code) {
      case OK -> {
        if (receipt.getFirstOffsetsCount() != batch.runs().size()) {
          // No receipt for some runs: not an answer that anybody can act on.
          yield Next.REOPEN;
        }
        remove(batch);
        settlement.stored(batch, receipt);
        yield Next.GO_ON;
      }
      case SEQUENCE_GAP -> {
        if (!closing) {
          // One before it was turned away for the moment: all over again, in order.
          yield Next.REOPEN;
        }
        regroup(batch);
        yield Next.GO_ON;
      }
      case SEQUENCE_TOO_OLD -> {
        remove(batch);
        fail(batch, unknown(code, "stored so long ago that its place is forgotten", receipt));
        yield Next.GO_ON;
      }
      case PRODUCER_UNKNOWN, PRODUCER_FENCED -> {
        closing = true;
        producerForgotten = true;
        if (batch.copies > 1) {
          remove(batch);
          fail(batch, unknown(code, "an earlier copy may be stored", receipt));
        } else {
          regroup(batch);
        }
        yield Next.GO_ON;
      }
      default -> {
        if (!Failures.isDefinite(code)) {
          yield Next.REOPEN;
        }
        closing = true;
        remove(batch);
        rejected(batch, receipt);
        yield Next.GO_ON;
      }
    };
  }

  /** The broker does not take the producer as it is: as if it had said so of each batch. */
  void openingRefused(ErrorDetail detail) {
    closing = true;
    producerForgotten = true;
    for (Batch batch : List.copyOf(numbered)) {
      if (batch.copies > 0) {
        remove(batch);
        fail(
            batch,
            new OutcomeUnknown(
                detail.getCode(), "an earlier copy may be stored: " + detail.getMessage()));
      } else {
        regroup(batch);
      }
    }
  }

  /**
   * Starts the next line when this one is done with: closing and every number answered, or only
   * batches left that nobody waits for.
   *
   * @return true when the producer has a new epoch or id; the stream of the old one is to be left
   */
  boolean renew() {
    boolean abandoned = !numbered.isEmpty() && numbered.stream().allMatch(Batch::isGivenUp);
    if (abandoned) {
      numbered.clear();
      numberedBytes = 0;
    } else if (!closing || !numbered.isEmpty()) {
      return false;
    }
    for (int i = regrouped.size() - 1; i >= 0; i--) {
      waiting.addFirst(regrouped.get(i));
    }
    regrouped.clear();
    if (producerForgotten) {
      producerId = newProducerId.get();
      epoch = 0;
    } else {
      epoch++;
    }
    nextSequence = 1;
    closing = false;
    producerForgotten = false;
    return true;
  }

  /** Fails what is past its deadline: definitely where it was never written, else as unknown. */
  void expire(long nowNanos, Supplier<String> reason) {
    for (Batch batch : numbered) {
      for (PendingMessage message : batch.messages()) {
        if (message.deadlineNanos - nowNanos > 0) {
          break;
        }
        if (!message.settled) {
          settlement.failed(message, timedOut(batch.copies > 0, reason.get()));
        }
      }
    }
    expireUnwritten(waiting, nowNanos, reason);
    expireUnwritten(regrouped, nowNanos, reason);
  }

  /** Fails everything: the producer is closed. */
  void failAll(String reason) {
    for (Batch batch : numbered) {
      for (PendingMessage message : batch.unsettled()) {
        settlement.failed(
            message,
            batch.copies > 0
                ? new OutcomeUnknown(Code.OUTCOME_UNKNOWN, reason + "; it may be stored")
                : new ClientClosed(Code.SHUTTING_DOWN, reason));
      }
    }
    numbered.clear();
    numberedBytes = 0;
    waiting.addAll(regrouped);
    regrouped.clear();
    for (Batch batch : waiting) {
      fail(batch, new ClientClosed(Code.SHUTTING_DOWN, reason));
    }
    waiting.clear();
  }

  /** What somebody waits for. */
  List<PendingMessage> unsettled() {
    var all = new ArrayList<PendingMessage>();
    numbered.forEach(batch -> all.addAll(batch.unsettled()));
    regrouped.forEach(batch -> all.addAll(batch.unsettled()));
    waiting.forEach(batch -> all.addAll(batch.unsettled()));
    return all;
  }

  static KeelException timedOut(boolean mayBeStored, String reason) {
    return mayBeStored
        ? new OutcomeUnknown(
            Code.OUTCOME_UNKNOWN,
            "no receipt before the delivery timeout, it may be stored; " + reason)
        : new Unavailable(
            Code.NO_LEADER, "not sent before the delivery timeout, it is not stored; " + reason);
  }

  private void remove(Batch batch) {
    if (numbered.remove(batch)) {
      numberedBytes -= batch.bytes();
    }
  }

  private void regroup(Batch batch) {
    remove(batch);
    if (!batch.isGivenUp()) {
      regrouped.add(unnumbered(batch.unsettled()));
    }
  }

  private void rejected(Batch batch, BatchReceipt receipt) {
    List<PendingMessage> left = batch.unsettled();
    Code code = receipt.getCode();
    if (left.isEmpty()) {
      return;
    }
    // Whatever was wrong with it, batch-mates shall not suffer: first by queue, then by halves.
    if (batch.runs().size() > 1) {
      for (List<PendingMessage> run : batch.runs()) {
        List<PendingMessage> part = run.stream().filter(message -> !message.settled).toList();
        if (!part.isEmpty()) {
          regrouped.add(unnumbered(part));
        }
      }
      return;
    }
    boolean wholeRun = code == Code.TOPIC_NOT_FOUND || code == Code.QUEUE_NOT_FOUND;
    if (left.size() > 1 && !wholeRun) {
      regrouped.add(unnumbered(left.subList(0, left.size() / 2)));
      regrouped.add(unnumbered(left.subList(left.size() / 2, left.size())));
      return;
    }
    // A state may change: an older copy that lingers somewhere could yet fit. A wrong message
    // cannot.
    boolean mayFitLater = batch.copies > 1 && code.getNumber() >= 200;
    fail(
        batch,
        mayFitLater
            ? unknown(code, "rejected, but an earlier copy may linger", receipt)
            : new RequestRejected(code, receipt.getMessage()));
  }

  private void expireUnwritten(Collection<Batch> batches, long nowNanos, Supplier<String> reason) {
    if (batches.isEmpty()) {
      return;
    }
    var kept = new ArrayList<Batch>();
    for (Iterator<Batch> each = batches.iterator(); each.hasNext(); ) {
      Batch batch = each.next();
      boolean shrunk = false;
      for (PendingMessage message : batch.messages()) {
        if (!message.settled && message.deadlineNanos - nowNanos <= 0) {
          settlement.failed(message, timedOut(false, reason.get()));
          shrunk = true;
        }
      }
      if (!shrunk) {
        kept.add(batch);
      } else if (!batch.isGivenUp()) {
        kept.add(unnumbered(batch.unsettled()));
      }
    }
    batches.clear();
    batches.addAll(kept);
  }

  private void fail(Batch batch, KeelException failure) {
    batch.unsettled().forEach(message -> settlement.failed(message, failure));
  }

  private static OutcomeUnknown unknown(Code code, String conclusion, BatchReceipt receipt) {
    return new OutcomeUnknown(code, conclusion + ": " + receipt.getMessage());
  }

  private static Batch unnumbered(List<PendingMessage> messages) {
    return new Batch(
        messages,
        message -> {
          throw new IllegalStateException("a message lost its queue");
        });
  }
}
