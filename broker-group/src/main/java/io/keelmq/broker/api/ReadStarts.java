package io.keelmq.broker.api;

import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.QueueBounds;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadRequest;
import java.util.ArrayList;
import java.util.List;

/** Where in the queues of a topic a request begins. Stateless; asks the applied state. */
final class ReadStarts {

  /**
   * A queue with where reading begins.
   *
   * @param wanted what was asked for; below {@code start} if retention took it
   */
  record Start(int queue, long wanted, long start, QueueBounds bounds) {}

  /** A request that does not fit the state. */
  static final class Unfit extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Refusal why;

    Unfit(Code code, String message) {
      super(message);
      this.why = new Refusal(code, message);
    }

    Refusal why() {
      return why;
    }
  }

  private ReadStarts() {}

  static Topic topic(StateView state, String name) throws Unfit {
    return state
        .topic(name)
        .orElseThrow(
            () ->
                new Unfit(
                    Code.TOPIC_NOT_FOUND,
                    "topic " + name + " does not exist: make it, or check the name"));
  }

  static List<Start> of(StateView state, Topic topic, ReadRequest request) throws Unfit {
    var starts = new ArrayList<Start>();
    if (request.getQueuesCount() == 0) {
      for (int queue = 0; queue < topic.queues(); queue++) {
        starts.add(start(state, topic, queue, request.getFrom()));
      }
    }
    for (var queue : request.getQueuesList()) {
      starts.add(
          start(
              state,
              topic,
              queue.getQueue(),
              queue.hasFrom() ? queue.getFrom() : request.getFrom()));
    }
    return starts;
  }

  static Start start(StateView state, Topic topic, int queue, ReadFrom from) throws Unfit {
    if (queue < 0 || queue >= topic.queues()) {
      throw new Unfit(
          Code.QUEUE_NOT_FOUND,
          "topic " + topic.name() + " has queues 0 to " + (topic.queues() - 1) + ", not " + queue);
    }
    QueueBounds bounds = state.bounds(topic.id(), queue);
    long wanted =
        switch (from.getFromCase()) {
          case OFFSET -> from.getOffset();
          case TIME_MILLIS -> state.offsetAt(topic.id(), queue, from.getTimeMillis());
          case LATEST -> bounds.endOffset();
          case EARLIEST, FROM_NOT_SET -> bounds.firstOffset();
        };
    // Time was looked up after the bounds, so it may lie behind them.
    if (from.hasOffset() && wanted > bounds.endOffset()) {
      throw new Unfit(
          Code.OFFSET_OUT_OF_RANGE,
          "queue "
              + queue
              + " ends at offset "
              + bounds.endOffset()
              + ", asked for was "
              + wanted
              + ": read from latest to wait for more");
    }
    return new Start(queue, wanted, Math.max(wanted, bounds.firstOffset()), bounds);
  }
}
