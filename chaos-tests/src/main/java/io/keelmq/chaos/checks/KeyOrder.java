package io.keelmq.chaos.checks;

import java.util.HashMap;
import java.util.Map;

/**
 * Messages of one producer and key are in one queue, in the order in which they were sent, on every
 * replica and for the reader.
 */
public final class KeyOrder implements Check {

  private final Map<Long, Place> delivered = new HashMap<>();
  private final Map<Long, Place> onReplica = new HashMap<>();

  /** Where the last message of a key was. */
  private record Place(int queue, long offset, long seq) {}

  @Override
  public String promise() {
    return "messages of one key keep their order";
  }

  @Override
  public void event(Event event, Findings findings) {
    if (event instanceof Event.Delivered message) {
      check(
          delivered,
          "the reader",
          message.producer(),
          message.key(),
          new Place(message.queue(), message.offset(), message.seq()),
          findings);
    }
  }

  @Override
  public void replicaBegins(String replica) {
    onReplica.clear();
  }

  @Override
  public void stored(Stored message, Findings findings) {
    if (message.intact()) {
      check(
          onReplica,
          "replica " + message.replica(),
          message.producer(),
          message.key(),
          new Place(message.queue(), message.offset(), message.seq()),
          findings);
    }
  }

  private static void check(
      Map<Long, Place> last, String who, int producer, int key, Place now, Findings findings) {
    if (key < 0) {
      return;
    }
    Place before = last.put((long) producer << 32 | key, now);
    if (before == null) {
      return;
    }
    if (before.queue() != now.queue()) {
      findings.add(
          "%s has producer %d key %d in queue %d and in queue %d"
              .formatted(who, producer, key, before.queue(), now.queue()));
    } else if (now.seq() < before.seq()) {
      // An equal one is a duplicate, which another check tells.
      findings.add(
          "%s has producer %d key %d seq %d at queue %d offset %d, behind seq %d at offset %d"
              .formatted(
                  who,
                  producer,
                  key,
                  now.seq(),
                  now.queue(),
                  now.offset(),
                  before.seq(),
                  before.offset()));
    }
  }
}
