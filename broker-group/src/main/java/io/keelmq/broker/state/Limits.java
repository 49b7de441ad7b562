package io.keelmq.broker.state;

/**
 * The bounds of the state machine. All replicas must have the same: changing one is a change of
 * behaviour, to be gated by a feature level.
 */
public final class Limits {

  public static final int MAX_TOPIC_NAME = 127;
  public static final int MAX_CONSUMER_GROUP_NAME = 120;
  public static final int MAX_QUEUES = 1_024;
  public static final int MAX_TOPICS = 10_000;

  /** A thousand years: beyond it, sums with log time leave the range of a long. */
  public static final long MAX_RETENTION_MILLIS = 1_000L * 366 * 24 * 3_600_000;

  /** 1 PiB of records in a queue. */
  public static final long MAX_RETENTION_BYTES = 1L << 50;

  public static final int MAX_CONSUMER_GROUPS = 10_000;

  public static final int MAX_RUNS = 1_024;

  /** Characters of a software version. */
  static final int MAX_VERSION = 63;

  public static final int MAX_MESSAGES = 4_096;
  public static final int MAX_PRODUCER_ID = 64;
  public static final int MAX_CLIENT_ID = 255;
  public static final int MAX_MESSAGE_ID = 128;

  /** Batches of a producer whose receipts are remembered, and so the most it may have in flight. */
  public static final int PRODUCER_WINDOW = 64;

  public static final int MAX_PRODUCERS = 10_000;
  public static final long PRODUCER_IDLE_MILLIS = 24 * 3_600_000L;

  /** Message ids remembered at most; none younger than {@link #DEDUP_MIN_MILLIS} is forgotten. */
  public static final int MAX_MESSAGE_IDS = 2_000_000;

  public static final long MESSAGE_ID_MILLIS = 600_000L;
  public static final long DEDUP_MIN_MILLIS = 60_000L;

  /** Replies remembered at most; each for {@link #REPLY_MILLIS}. */
  public static final int MAX_REPLIES = 100_000;

  public static final long REPLY_MILLIS = 60_000L;

  /** Forty days: how far ahead a message may be delayed. */
  public static final long MAX_DELAY_MILLIS = 40L * 24 * 3_600_000;

  public static final long FIRST_CHECK_MILLIS = 6_000L;
  public static final long CHECK_INTERVAL_MILLIS = 30_000L;

  /** Check-backs that producers hear and do not answer; then a half message is rolled back. */
  public static final int MAX_CHECKS = 15;

  /**
   * Check-backs in a row that no producer is there to hear; then it is rolled back too. The first
   * {@link #MAX_CHECKS} come at their interval, the pauses behind them double up to {@link
   * #CHECK_DOUBLINGS} times, to 16 minutes: it takes about 22 hours.
   */
  public static final int MAX_MISSED_CHECKS = 100;

  static final int CHECK_DOUBLINGS = 5;

  /** Check-backs that one {@link Command.HeardChecks} names at most. */
  public static final int MAX_HEARD_CHECKS = 256;

  /** How long after being stored a half message's first check-back may be due at most. */
  public static final long MAX_FIRST_CHECK_MILLIS = 24 * 3_600_000L;

  /** Delayed and half runs at most, all topics together. */
  public static final int MAX_HELD = 10_000_000;

  /** How long it is remembered how a half message was decided. */
  public static final long DECISION_MILLIS = 600_000L;

  /** Decisions remembered at most; beyond it the oldest is forgotten early. */
  public static final int MAX_DECISIONS = 1_000_000;

  public static final long MIN_INVISIBLE_MILLIS = 1_000L;
  public static final long MAX_INVISIBLE_MILLIS = 12 * 3_600_000L;
  public static final int MAX_ATTEMPTS = 1_000;
  public static final int MAX_ATTEMPT_ID = 128;

  /** Messages that one {@link Command.GrantLeases} leases at most. */
  public static final int MAX_GRANT_MESSAGES = 1_024;

  /** Candidates of different message groups, and grants, in one {@link Command.GrantLeases}. */
  public static final int MAX_GRANT_PARTS = 256;

  /** Offsets that one grant from the cursor moves it at most. */
  public static final int MAX_GRANT_SPAN = 65_536;

  /** Settlements of one {@link Command.SettleLeases} at most. */
  public static final int MAX_SETTLEMENTS = 256;

  /**
   * Batches of one queue that a consumer group has out or waiting; beyond it nothing is granted
   * from the cursor until some are settled.
   */
  public static final int MAX_BATCHES_PER_QUEUE = 20_000;

  /** Messages of one queue that may be held back in a FIFO group before the queue pauses. */
  public static final int MAX_BLOCKED_PER_QUEUE = 4_000_000;

  /** Blocked messages in one row. */
  static final int BLOCKED_PER_ROW = 256;

  /** Messages of a message group that are delivered together once it is free. */
  static final int FREED_MESSAGES = 64;

  /**
   * Rows of blocked messages that retention has taken, dropped when their message group is free.
   */
  static final int BLOCKED_ROWS_DROPPED = 16;

  /** Messages in one batch of those that a planner left out. */
  static final int GAP_BATCH_MESSAGES = 1_024;

  /** Rows that one command adds to dead letter topics at most; what is left follows. */
  static final int DEAD_LETTER_ROWS = 200;

  /** Rows that one {@link Command.RelocateBodies} names at most. */
  public static final int MAX_RELOCATED_ROWS = 512;

  /** Queues that one {@link Command.TrimQueues} names at most. */
  public static final int MAX_TRIMS = 256;

  /** Rows that one command reads or changes at most when it sweeps. */
  static final int SWEEP_ROWS = 400;

  /** Rows after whose change an {@link Command.AdvanceTime} begins nothing more. */
  static final int STEP_ROWS = 600;

  /** Deadlines that one {@link Command.AdvanceTime} serves at most. */
  static final int DEADLINES_PER_STEP = 300;

  /** How many old entries an insert forgets at most: more than one, so that a backlog shrinks. */
  static final int FORGET_PER_INSERT = 2;

  /** Log indexes between two digests that replicas compare, and how many of them are kept. */
  public static final long DIGEST_INTERVAL = 1_024;

  static final int DIGESTS_KEPT = 16;

  /** Members of a broker group, learners and those under way included. */
  public static final int MAX_MEMBERS = 7;

  public static final int MAX_NODE_NAME = 63;

  /** Ten digits, all of them: a wiped replica never comes back under an old one. */
  public static final int LEAST_INCARNATION = 1_000_000_000;

  private Limits() {}
}
