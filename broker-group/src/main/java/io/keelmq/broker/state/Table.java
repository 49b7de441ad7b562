package io.keelmq.broker.state;

/** The tables of a broker group. A store keeps each under its name, which never changes. */
public enum Table {
  /** Applied index, log time, digest, counters. */
  META(1, "meta"),
  /** Topics, queues, consumer groups and their offsets. */
  CATALOG(2, "catalog"),
  /** Where the messages of each queue stand in the log. */
  RUNS(3, "runs"),
  /** Producers, message ids and replies, remembered to tell repeats. */
  DEDUP(4, "dedup"),
  /** What becomes due, by log time. */
  DEADLINES(5, "deadlines"),
  /** Where consumer groups of kind lease stand, and what they have out. */
  LEASES(6, "leases"),
  /** Delayed and half messages, which have no place in a queue yet. */
  HELD(7, "held");

  private final int code;
  private final String storedName;

  Table(int code, String storedName) {
    this.code = code;
    this.storedName = storedName;
  }

  /** Stands for the table in the digest, so it never changes. */
  int code() {
    return code;
  }

  public String storedName() {
    return storedName;
  }
}
