package io.keelmq.broker.state;

/** What the world has to be told after a command's rows are written. Immutable. */
public sealed interface Effect {

  /**
   * A queue has grown.
   *
   * @param endOffset one after its last message
   */
  record QueueGrew(long topicId, int queue, long endOffset) implements Effect {}

  /**
   * A consumer group may have more to be delivered from a queue, beside what is new in it.
   *
   * @param fromOffset no batch became ready that begins below
   */
  record QueueReady(long groupId, long topicId, int queue, long fromOffset) implements Effect {}

  /**
   * The producers of a half message are to be asked what became of it. Every replica is told, and
   * asks a producer that is connected to it, if there is one.
   *
   * @param check from 1
   */
  record CheckTransaction(long topicId, HeldId held, int check) implements Effect {}

  /** Topics were made, altered or deleted: routes have to say so. */
  record TopicsChanged() implements Effect {}

  /**
   * All rows were replaced by those of a snapshot: whoever waits for anything has to look again.
   */
  record StateReplaced() implements Effect {}

  /**
   * Something is due at this log time (milliseconds since 1970); the leader proposes {@link
   * Command.AdvanceTime} then.
   */
  record DueAt(long timeMillis) implements Effect {}

  /** The group's members, or what is under way with them, changed. */
  record MembersChanged() implements Effect {}

  /** The group has reached a feature level. */
  record LevelRaised(int level) implements Effect {}
}
