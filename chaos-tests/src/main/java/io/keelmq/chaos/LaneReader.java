package io.keelmq.chaos;

import io.keelmq.client.KeelClient;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Reader;
import io.keelmq.client.Unavailable;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A reader that follows the topic of one {@link Lane} and writes down what it sees, and so when a
 * message is there to be seen. Has a thread of its own.
 */
final class LaneReader {

  private static final Duration POLL = Duration.ofMillis(200);

  private final Lane lane;
  private final KeelClient client;
  private final History history;
  private final AtomicLong delivered = new AtomicLong();
  private volatile boolean reading = true;

  LaneReader(Lane lane, KeelClient client, History history) {
    this.lane = lane;
    this.client = client;
    this.history = history;
  }

  long delivered() {
    return delivered.get();
  }

  void stop() {
    reading = false;
  }

  /** Reads until {@link #stop}, on this thread. */
  void run() {
    try (Reader reader = client.reader(lane.topic()).follow(true).open()) {
      while (reading) {
        try {
          reader.poll(POLL).forEach(this::record);
        } catch (Unavailable e) {
          // It keeps trying; so do we. Nothing was skipped.
          Thread.onSpinWait();
        }
      }
    }
  }

  private void record(ReadMessage message) {
    // A body that is none of ours is told as one of producer -1, which never sent anything.
    Payload payload = Payload.decode(message.bodyBytes()).orElse(new Payload(-1, 0, 0));
    history.delivered(
        payload.producer(),
        payload.key(),
        payload.seq(),
        lane.queue(message.queue()),
        message.offset());
    delivered.incrementAndGet();
  }
}
