package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.state.StateView;
import io.keelmq.v1.Code;
import io.keelmq.v1.OpenProducer;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Finds out how far a producer that opens a stream has come: what the group knows of it, read at a
 * point that no later leader can fall behind. Used once, by one session.
 */
final class ProducerOpening {

  private final Edge edge;
  private final boolean forwarded;
  private final OpenProducer open;

  /**
   * @param forwarded another replica passed the stream on and has told the producer already
   */
  ProducerOpening(Edge edge, boolean forwarded, OpenProducer open) {
    this.edge = edge;
    this.forwarded = forwarded;
    this.open = open;
  }

  /**
   * Ends with one of the two, on any thread.
   *
   * @param opened takes the last sequence the group has of this producer's epoch; 0 for none
   */
  void begin(LongConsumer opened, Consumer<Refusal> refused) {
    Leadership leadership = edge.replica().leadership();
    if (leadership.role() == Leadership.Role.UNINITIALIZED) {
      refused.accept(Refusal.notInitialized());
    } else if (forwarded && leadership.isLeader()) {
      opened.accept(0);
    } else if (forwarded) {
      refused.accept(Refusal.noLeader("this replica does not lead"));
    } else {
      edge.replica()
          .readPoint(
              Edge.HOLD.toMillis(),
              point -> edge.call(() -> readTo(point, opened, refused), refused));
    }
  }

  private void readTo(ReadPoint point, LongConsumer opened, Consumer<Refusal> refused) {
    if (point instanceof ReadPoint.NotReached notReached) {
      refused.accept(Refusal.noLeader(notReached.message()));
      return;
    }
    Optional<StateView.Producer> known = edge.replica().state().producer(open.getProducerId());
    long epoch = known.map(StateView.Producer::epoch).orElse(0L);
    if (epoch > open.getEpoch()) {
      refused.accept(
          new Refusal(
              Code.PRODUCER_FENCED,
              "epoch " + open.getEpoch() + " of this producer is over, " + epoch + " has begun"));
      return;
    }
    opened.accept(
        epoch == open.getEpoch() ? known.map(StateView.Producer::lastSequence).orElse(0L) : 0);
  }
}
