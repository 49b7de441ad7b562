package io.keelmq.broker.api;

import io.keelmq.broker.state.Command;
import io.keelmq.v1.Batch;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.Run;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A producer's batch that has no receipt yet, and what became of the copies of it that were handed
 * over. Owned by its session's turn.
 */
final class PendingBatch {

  /** No copy's answer is waited for: the batch has to be handed over. */
  static final int NONE = 0;

  private final PublishRequest request;
  private final int bytes;
  private int copies;
  private int liveCopy = NONE;
  private int openCopies;
  private boolean unclear;
  private Optional<BatchReceipt> receipt = Optional.empty();

  PendingBatch(PublishRequest request) {
    this.request = request;
    this.bytes = request.getSerializedSize();
  }

  PublishRequest request() {
    return request;
  }

  Batch batch() {
    return request.getBatch();
  }

  int bytes() {
    return bytes;
  }

  int messages() {
    int messages = 0;
    for (Run run : batch().getRunsList()) {
      messages += run.getCount();
    }
    return messages;
  }

  boolean isDecided() {
    return receipt.isPresent();
  }

  BatchReceipt receipt() {
    return receipt.orElseThrow();
  }

  void decide(BatchReceipt.Builder decided) {
    receipt = Optional.of(decided.setSequence(batch().getSequence()).build());
  }

  void refuse(Refusal why) {
    decide(BatchReceipt.newBuilder().setCode(why.code()).setMessage(why.message()));
  }

  /** Gives the batch up; says so if some copy of it may be stored after all. */
  void giveUp(Refusal why) {
    boolean mayBeStored = unclear || openCopies > 0;
    refuse(
        mayBeStored
            ? new Refusal(
                Code.OUTCOME_UNKNOWN,
                "it may have been stored; publishing it again under the same sequence is safe: "
                    + why.message())
            : why);
  }

  /** Another copy goes out, and its answer is the one that counts. */
  int newCopy() {
    openCopies++;
    liveCopy = ++copies;
    return liveCopy;
  }

  boolean isCopied() {
    return copies > 0;
  }

  boolean isLive(int copy) {
    return liveCopy == copy && !isDecided();
  }

  /**
   * From now on what the copies handed over say counts only if it says that the batch is stored.
   */
  void rewind() {
    liveCopy = NONE;
  }

  /** A copy has come to its end, and it is known which. */
  void closeCopy() {
    openCopies--;
  }

  /** A copy has come to an end that nobody knows. */
  void loseCopy() {
    openCopies--;
    unclear = true;
  }

  Command.SendMessages command(OpenProducer producer) {
    var runs = new ArrayList<Command.Run>(batch().getRunsCount());
    for (Run run : batch().getRunsList()) {
      runs.add(
          new Command.Run(
              run.getTopic(),
              run.getQueue(),
              run.getCount(),
              0,
              run.getRecords().size(),
              List.of(),
              new Command.Placing(
                  run.getDeliverAtMillis(), run.getHalf(), run.getFirstCheckMillis())));
    }
    return new Command.SendMessages(
        new Command.ProducerSequence(
            producer.getProducerId(), producer.getEpoch(), batch().getSequence()),
        runs);
  }

  List<ByteBuffer> records() {
    var records = new ArrayList<ByteBuffer>(batch().getRunsCount());
    for (Run run : batch().getRunsList()) {
      records.add(run.getRecords().asReadOnlyByteBuffer());
    }
    return records;
  }
}
