package io.keelmq.broker.state;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Stores messages: all runs of a command or none, and none twice.
 *
 * <p>Owned by the apply thread.
 */
final class Sends {

  private final Tables tables;
  private final Queues queues;
  private final Producers producers;
  private final MessageIds messageIds;
  private final HeldMessages held;

  Sends(
      Tables tables, Queues queues, HeldMessages held, Producers producers, MessageIds messageIds) {
    this.tables = tables;
    this.queues = queues;
    this.held = held;
    this.producers = producers;
    this.messageIds = messageIds;
  }

  /**
   * @param firstOrdinal a number that no other message id of the entry has, nor the following ones
   */
  Outcome apply(LogEntryInfo entry, Command.SendMessages send, int firstOrdinal) {
    // A repeat is recognized first: its topic may have been deleted since it was stored.
    if (send.dedup() instanceof Command.ProducerSequence batch) {
      Optional<Outcome> answer = producers.judge(entry, batch, queues(send));
      if (answer.isPresent()) {
        return answer.get();
      }
    }
    var topics = new HashMap<String, Topic>();
    Optional<Outcome> wrong = check(entry, send, topics);
    if (wrong.isPresent()) {
      return wrong.get();
    }
    return send.dedup() instanceof Command.ProducerSequence batch
        ? appendBatch(entry, send, batch, topics)
        : appendById(entry, send, (Command.ClientMessageIds) send.dedup(), topics, firstOrdinal);
  }

  private Outcome appendBatch(
      LogEntryInfo entry,
      Command.SendMessages send,
      Command.ProducerSequence batch,
      Map<String, Topic> topics) {
    int waiting = 0;
    for (var run : send.runs()) {
      waiting += HeldMessages.waits(entry, run.placing()) ? 1 : 0;
    }
    Optional<Outcome> full = held.checkRoom(waiting);
    if (full.isPresent()) {
      return full.get();
    }
    var effects = new ArrayList<Effect>(send.runs().size());
    var firstOffsets = new ArrayList<Long>(send.runs().size());
    var names = new ArrayList<Optional<HeldId>>(send.runs().size());
    for (var run : send.runs()) {
      MessageIds.Place place = store(entry, topics.get(run.topic()), run, effects);
      firstOffsets.add(place.offset());
      names.add(place.held());
    }
    var stored = new Reply.Stored(queues(send), firstOffsets, orNone(names), false);
    producers.remember(entry, batch, stored);
    return new Outcome(stored, effects);
  }

  /** Gives a run its offsets, or keeps it until it may have them. */
  private MessageIds.Place store(
      LogEntryInfo entry, Topic topic, Command.Run run, List<Effect> effects) {
    return HeldMessages.waits(entry, run.placing())
        ? new MessageIds.Place(
            run.queue(), Reply.Stored.HELD, Optional.of(held.hold(entry, topic, run, effects)))
        : new MessageIds.Place(
            run.queue(), queues.append(entry, topic, run, effects), Optional.empty());
  }

  private static List<Optional<HeldId>> orNone(List<Optional<HeldId>> names) {
    return names.stream().anyMatch(Optional::isPresent) ? names : List.of();
  }

  private Outcome appendById(
      LogEntryInfo entry,
      Command.SendMessages send,
      Command.ClientMessageIds ids,
      Map<String, Topic> topics,
      int firstOrdinal) {
    if (!messageIds.hasRoom(entry, send.runs().size())) {
      return Outcome.rejected(
          Rejection.TOO_MANY,
          Limits.MAX_MESSAGE_IDS
              + " message ids of the last "
              + Limits.DEDUP_MIN_MILLIS / 1_000
              + " s are remembered, more do not fit: send more slowly");
    }
    Optional<Outcome> full = held.checkRoom(newWaiting(entry, send, ids, topics));
    if (full.isPresent()) {
      return full.get();
    }
    var effects = new ArrayList<Effect>();
    var queuesUsed = new ArrayList<Integer>(send.runs().size());
    var firstOffsets = new ArrayList<Long>(send.runs().size());
    var names = new ArrayList<Optional<HeldId>>(send.runs().size());
    boolean allKnown = true;
    for (int i = 0; i < send.runs().size(); i++) {
      var run = send.runs().get(i);
      Topic topic = topics.get(run.topic());
      String messageId = run.messageIds().get(0);
      Optional<MessageIds.Place> known = messageIds.find(topic.id(), ids.clientId(), messageId);
      MessageIds.Place place;
      if (known.isPresent()) {
        place = known.get();
      } else {
        allKnown = false;
        place = store(entry, topic, run, effects);
        messageIds.remember(entry, firstOrdinal + i, topic.id(), ids.clientId(), messageId, place);
      }
      queuesUsed.add(place.queue());
      firstOffsets.add(place.offset());
      names.add(place.held());
    }
    return new Outcome(
        new Reply.Stored(queuesUsed, firstOffsets, orNone(names), allKnown), effects);
  }

  /** How many runs will wait that do not yet. */
  private int newWaiting(
      LogEntryInfo entry,
      Command.SendMessages send,
      Command.ClientMessageIds ids,
      Map<String, Topic> topics) {
    int waiting = 0;
    for (var run : send.runs()) {
      if (HeldMessages.waits(entry, run.placing())
          && messageIds
              .find(topics.get(run.topic()).id(), ids.clientId(), run.messageIds().get(0))
              .isEmpty()) {
        waiting++;
      }
    }
    return waiting;
  }

  private static List<Integer> queues(Command.SendMessages send) {
    return send.runs().stream().map(Command.Run::queue).toList();
  }

  private Optional<Outcome> check(
      LogEntryInfo entry, Command.SendMessages send, Map<String, Topic> topics) {
    if (send.runs().isEmpty() || send.runs().size() > Limits.MAX_RUNS) {
      return invalid(send.runs().size() + " runs: expected 1 to " + Limits.MAX_RUNS);
    }
    long messages = 0;
    for (var run : send.runs()) {
      Topic topic = topics.get(run.topic());
      if (topic == null) {
        Optional<Topic> found = Topics.find(tables, run.topic());
        if (found.isEmpty()) {
          return Optional.of(Topics.notFound(run.topic()));
        }
        topic = found.get();
        topics.put(run.topic(), topic);
      }
      if (run.queue() < 0 || run.queue() >= topic.queues()) {
        return Optional.of(ConsumerGroups.queueNotFound(topic, run.queue()));
      }
      if (run.count() < 1 || run.bytes() < run.count() || run.position() < 0) {
        return invalid(
            "a run of "
                + run.count()
                + " messages in "
                + run.bytes()
                + " bytes: expected at least one message, and a byte for each");
      }
      Optional<Outcome> misplaced = HeldMessages.check(entry, topic, run.placing());
      if (misplaced.isPresent()) {
        return misplaced;
      }
      messages += run.count();
    }
    if (messages > Limits.MAX_MESSAGES) {
      return invalid(messages + " messages: expected at most " + Limits.MAX_MESSAGES);
    }
    return send.dedup() instanceof Command.ClientMessageIds ids
        ? checkIds(ids, send.runs())
        : Optional.empty();
  }

  private static Optional<Outcome> checkIds(Command.ClientMessageIds ids, List<Command.Run> runs) {
    if (ids.clientId().isEmpty() || ids.clientId().length() > Limits.MAX_CLIENT_ID) {
      return invalid("client id: expected 1 to " + Limits.MAX_CLIENT_ID + " characters");
    }
    for (var run : runs) {
      // One message a run: a repeat of one may stand beside new ones, and offsets stay per run.
      if (run.count() != 1 || run.messageIds().size() != 1) {
        return invalid("a run told by message ids: expected one message with its id");
      }
      String id = run.messageIds().get(0);
      if (id.isEmpty() || id.length() > Limits.MAX_MESSAGE_ID) {
        return invalid("message id: expected 1 to " + Limits.MAX_MESSAGE_ID + " characters");
      }
    }
    return Optional.empty();
  }

  private static Optional<Outcome> invalid(String message) {
    return Optional.of(Outcome.rejected(Rejection.INVALID, message));
  }
}
