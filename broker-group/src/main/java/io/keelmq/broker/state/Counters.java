package io.keelmq.broker.state;

/** Numbers that are kept as rows: ids that are handed out, and how many there are of a thing. */
final class Counters {

  static final String TOPICS = "topics";
  static final String CONSUMER_GROUPS = "groups";
  static final String PRODUCERS = "producers";
  static final String MESSAGE_IDS = "ids";
  static final String REPLIES = "replies";

  /** Delayed and half runs. */
  static final String HELD = "held";

  static final String DECISIONS = "decisions";

  /** Half messages that were rolled back because no check was answered; only rises. */
  static final String UNANSWERED = "unanswered";

  /** Dead letters whose message was gone already, or that came from a dead letter topic. */
  static final String DEAD_LETTERS_DROPPED = "deaddropped";

  private final Tables tables;

  Counters(Tables tables) {
    this.tables = tables;
  }

  /** An id that was never given before, from 1. */
  long nextId() {
    long id = Rows.int64(tables.get(Table.META, Keys.NEXT_ID), 1);
    tables.put(Table.META, Keys.NEXT_ID, Rows.int64(id + 1));
    return id;
  }

  long get(String name) {
    return Rows.int64(tables.get(Table.META, Keys.counter(name)), 0);
  }

  void add(String name, long delta) {
    if (delta != 0) {
      tables.put(Table.META, Keys.counter(name), Rows.int64(get(name) + delta));
    }
  }
}
