package io.keelmq.client;

import io.keelmq.v1.Code;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.Message;

/** Makes values that only the client makes, for tests of what is done with them. */
public final class ClientValues {

  private ClientValues() {}

  public static ReadMessage readMessage(
      String topic, int queue, long offset, long storeTimeMillis, Message message) {
    return new ReadMessage(topic, queue, offset, storeTimeMillis, message.toByteString());
  }

  /** When a message that is sent at {@code nowMillis} gets its place; 0: at once. */
  public static long deliverAtMillis(OutgoingMessage message, long nowMillis) {
    return message.deliverAtMillis(nowMillis);
  }

  public static ReadMessage deadLetter(
      String topic, long offset, long storeTimeMillis, Message message, MessagePlace source) {
    return new ReadMessage(topic, 0, offset, storeTimeMillis, message.toByteString(), source);
  }

  /** A leased message that cannot be settled. */
  public static ConsumedMessage consumed(ReadMessage message) {
    return new ConsumedMessage(
        null,
        new HeldLease(LeaseRef.getDefaultInstance()),
        1,
        0,
        0,
        message.topic(),
        message.queue(),
        message.offset(),
        0,
        message.message().toByteString());
  }

  public static ConsumerStats consumerStats(long acknowledged) {
    var counters = new ConsumerCounters();
    counters.acknowledgedMessages.add(acknowledged);
    return counters.stats(new CreditLine(1, 1));
  }

  public static LeaseLost leaseLost(String message) {
    return new LeaseLost(message);
  }

  public static RequestRejected rejected(Code code, String message) {
    return new RequestRejected(code, message);
  }

  public static Unavailable unavailable(String message) {
    return new Unavailable(Code.NO_LEADER, message);
  }

  public static OutcomeUnknown outcomeUnknown(String message) {
    return new OutcomeUnknown(Code.OUTCOME_UNKNOWN, message);
  }

  public static MessagesTrimmed trimmed(String topic, int queue, long from, long to) {
    return new MessagesTrimmed(topic, queue, from, to);
  }
}
