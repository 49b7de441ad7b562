package io.keelmq.broker.api;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.Replica;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.Reply;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import io.keelmq.v1.OpenProducer;
import java.util.Optional;

/** Batches of a producer go into the log here. Keeps nothing. */
final class LocalTarget implements PublishTarget {

  private final Replica replica;
  private final OpenProducer producer;
  private final Answers answers;

  LocalTarget(Replica replica, OpenProducer producer, Answers answers) {
    this.replica = replica;
    this.producer = producer;
    this.answers = answers;
  }

  @Override
  public void publish(PendingBatch batch, int copy) {
    replica.propose(
        new Proposal(
            Optional.empty(),
            batch.command(producer),
            batch.records(),
            outcome -> tell(batch, copy, outcome)));
  }

  private void tell(PendingBatch batch, int copy, ProposalOutcome outcome) {
    if (outcome instanceof ProposalOutcome.Applied applied) {
      answers.judged(batch, copy, receipt(applied.reply()));
    } else if (outcome instanceof ProposalOutcome.Unknown unknown) {
      answers.lost(batch, copy, unknown.message());
    } else {
      var notProposed = (ProposalOutcome.NotProposed) outcome;
      Refusal why = ReplyMapper.refusal(notProposed);
      switch (notProposed.reason()) {
        case NOT_LEADER, SHUTTING_DOWN -> answers.notTaken(batch, copy, why);
        case OVERLOADED -> answers.overloaded(batch, copy, why);
        case DISK_FULL, TOO_LARGE, FEATURE_LEVEL ->
            answers.judged(
                batch,
                copy,
                BatchReceipt.newBuilder().setCode(why.code()).setMessage(why.message()));
      }
    }
  }

  private static BatchReceipt.Builder receipt(Reply reply) {
    if (reply instanceof Reply.Stored stored) {
      return BatchReceipt.newBuilder()
          .setCode(Code.OK)
          .addAllFirstOffsets(stored.firstOffsets())
          .setDuplicate(stored.duplicate())
          .addAllHeldIds(
              stored.held().stream().map(id -> id.map(HeldId::toString).orElse("")).toList());
    }
    Refusal why =
        reply instanceof Reply.Rejected rejected
            ? ReplyMapper.refusal(rejected)
            : ReplyMapper.unexpected(reply);
    return BatchReceipt.newBuilder().setCode(why.code()).setMessage(why.message());
  }

  @Override
  public void close() {}
}
