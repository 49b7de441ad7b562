package io.keelmq.client;

import com.google.protobuf.ByteString;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.Message;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Trimmed;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Events of a Consume stream, right and wrong ones. */
final class Deliveries {

  private Deliveries() {}

  /** Messages side by side. */
  static ConsumeResponse of(LeaseRef lease, long firstOffset, Message... messages) {
    var offsets = new ArrayList<Long>();
    for (int i = 0; i < messages.length; i++) {
      offsets.add(firstOffset + i);
    }
    return ranges(lease, offsets, messages);
  }

  static ConsumeResponse ranges(LeaseRef lease, List<Long> offsets, Message... messages) {
    var delivery = Delivery.newBuilder().setLease(lease).setAttempt(1);
    offsets.forEach(
        offset -> delivery.addOffsets(OffsetRange.newBuilder().setFirst(offset).setCount(1)));
    return of(delivery.setRecords(records(messages)));
  }

  static ConsumeResponse cutOff(LeaseRef lease) {
    return of(
        Delivery.newBuilder()
            .setLease(lease)
            .setAttempt(1)
            .addOffsets(OffsetRange.newBuilder().setFirst(0).setCount(1))
            .setRecords(ByteString.copyFrom(new byte[] {100, 1, 2})));
  }

  static ConsumeResponse withoutAttempt(LeaseRef lease) {
    return of(
        Delivery.newBuilder()
            .setLease(lease)
            .addOffsets(OffsetRange.newBuilder().setFirst(0).setCount(1))
            .setRecords(records(Message.getDefaultInstance())));
  }

  static ConsumeResponse empty(LeaseRef lease) {
    return of(Delivery.newBuilder().setLease(lease).setAttempt(1));
  }

  static ConsumeResponse receipt(long sequence) {
    return ConsumeResponse.newBuilder()
        .setReceipt(SettleReceipt.newBuilder().setSequence(sequence))
        .build();
  }

  static ConsumeResponse openedAgain() {
    return ConsumeResponse.newBuilder().setOpened(ConsumerOpened.getDefaultInstance()).build();
  }

  static ConsumeResponse trimmed(int queue, long wanted, long first) {
    return ConsumeResponse.newBuilder()
        .setTrimmed(
            Trimmed.newBuilder().setQueue(queue).setWantedOffset(wanted).setFirstOffset(first))
        .build();
  }

  private static ConsumeResponse of(Delivery.Builder delivery) {
    return ConsumeResponse.newBuilder().setDelivery(delivery).build();
  }

  private static ByteString records(Message... messages) {
    var bytes = ByteString.newOutput();
    try {
      for (Message message : messages) {
        message.writeDelimitedTo(bytes);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return bytes.toByteString();
  }
}
