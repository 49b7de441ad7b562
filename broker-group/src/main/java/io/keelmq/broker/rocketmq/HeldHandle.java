package io.keelmq.broker.rocketmq;

import io.keelmq.broker.state.HeldId;
import java.util.Optional;

/**
 * Names a message that waits for its time (a recall handle) or its transaction (a transaction id).
 * Immutable.
 */
record HeldHandle(HeldId held, String messageId) {

  private static final char RECALL = 'D';
  private static final char TRANSACTION = 'T';

  String recallHandle() {
    return encode(RECALL);
  }

  String transactionId() {
    return encode(TRANSACTION);
  }

  private String encode(char kind) {
    return Handles.write(kind, messageId, held.logIndex(), held.position());
  }

  static Optional<HeldHandle> ofRecallHandle(String handle) {
    return parse(RECALL, handle);
  }

  static Optional<HeldHandle> ofTransactionId(String id) {
    return parse(TRANSACTION, id);
  }

  private static Optional<HeldHandle> parse(char kind, String handle) {
    return Handles.read(kind, 2, handle)
        .filter(
            content ->
                content.numbers()[0] >= 0
                    && content.numbers()[1] >= 0
                    && content.numbers()[1] <= Integer.MAX_VALUE)
        .map(
            content ->
                new HeldHandle(
                    new HeldId(content.numbers()[0], (int) content.numbers()[1]), content.text()));
  }
}
