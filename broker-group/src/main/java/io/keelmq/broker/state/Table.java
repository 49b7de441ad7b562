package io.keelmq.broker.state;

/** The tables of a broker group. A store keeps each under its name, which never changes. */
public enum Table {
  /** Applied index, log time, digest, counters. */
  META("meta"),
  /** Topics, queues, consumer groups and their offsets. */
  CATALOG("catalog"),
  /** Where the messages of each queue stand in the log. */
  RUNS("runs"),
  /** Producers, message ids and replies, remembered to tell repeats. */
  DEDUP("dedup"),
  /** What becomes due, by log time. */
  DEADLINES("deadlines");

  private final String storedName;

  Table(String storedName) {
    this.storedName = storedName;
  }

  public String storedName() {
    return storedName;
  }
}
