package io.keelmq.broker.state;

import java.util.List;

/** What {@link BrokerState#apply} gives back: the answer, and what else has to be told. */
public record Outcome(Reply reply, List<Effect> effects) {

  public Outcome {
    effects = List.copyOf(effects);
  }

  static Outcome of(Reply reply, Effect... effects) {
    return new Outcome(reply, List.of(effects));
  }

  static Outcome rejected(Rejection reason, String message) {
    return new Outcome(new Reply.Rejected(reason, message), List.of());
  }
}
