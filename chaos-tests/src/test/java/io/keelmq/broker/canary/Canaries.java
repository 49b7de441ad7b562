package io.keelmq.broker.canary;

import io.keelmq.broker.raft.AckPolicy;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The fault "acknowledged at the leader only": a send is answered as soon as the leader has it,
 * with the offsets that it will get if nothing goes wrong. No distribution holds this class; a
 * broker finds it only on the class path of a chaos test, and obeys only {@link
 * AckPolicy#PROPERTY}.
 *
 * <p>Owned by the proposer's thread.
 */
public final class Canaries implements AckPolicy {

  /** By topic and queue, the offset of the next message; never below what is applied. */
  private final Map<String, Long> next = new HashMap<>();

  /** Made by name. */
  public Canaries() {}

  @Override
  public Optional<Reply> early(Command command, StateView state) {
    if (!(command instanceof Command.SendMessages send)) {
      return Optional.empty();
    }
    var queues = new ArrayList<Integer>();
    var firstOffsets = new ArrayList<Long>();
    for (Command.Run run : send.runs()) {
      Optional<Topic> topic = state.topic(run.topic());
      if (topic.isEmpty() || run.queue() >= topic.get().queues()) {
        return Optional.empty();
      }
      String queue = topic.get().id() + "/" + run.queue();
      long applied = state.bounds(topic.get().id(), run.queue()).endOffset();
      long first = Math.max(applied, next.getOrDefault(queue, 0L));
      next.put(queue, first + run.count());
      queues.add(run.queue());
      firstOffsets.add(first);
    }
    return Optional.of(new Reply.Stored(queues, firstOffsets, false));
  }
}
