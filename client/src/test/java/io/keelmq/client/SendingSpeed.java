package io.keelmq.client;

import java.util.ArrayList;
import java.util.List;

/**
 * How fast one thread checks, serializes and batches messages of 1 KiB, without a network. Run by
 * hand; prints, asserts nothing.
 */
final class SendingSpeed {

  private SendingSpeed() {}

  public static void main(String[] args) {
    for (int round = 0; round < 6; round++) {
      int messages = 300_000;
      var accumulator = new Accumulator(64 << 10, 1_024);
      byte[] body = new byte[1_024];
      long wireBytes = 0;
      long start = System.nanoTime();
      for (int i = 0; i < messages; i++) {
        var message = OutgoingMessage.builder("orders").key("k" + (i & 1_023)).body(body).build();
        MessageChecks.check(message, false);
        int queue = QueueChoice.queueOf(message.keys().get(0), 4);
        byte[] record = PublishLine.encode(message, "0123456789abcdef-" + i, 1_000L);
        accumulator.add(new PendingMessage("orders", queue, 4, "id", record, start));
        if (accumulator.holdsFullBatch()) {
          List<PendingMessage> taken = new ArrayList<>(accumulator.takeBatch());
          wireBytes += new Batch(taken, any -> 0).toRequest().getSerializedSize();
        }
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      System.out.printf("%,.0f messages/s, %,d bytes on the wire%n", messages / seconds, wireBytes);
    }
  }
}
