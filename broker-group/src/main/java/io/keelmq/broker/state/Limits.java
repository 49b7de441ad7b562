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

  public static final int MAX_CONSUMER_GROUPS = 10_000;

  public static final int MAX_RUNS = 1_024;
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

  /** Rows that one command reads or changes at most when it sweeps. */
  static final int SWEEP_ROWS = 400;

  /** Deadlines that one {@link Command.AdvanceTime} serves at most. */
  static final int DEADLINES_PER_STEP = 16;

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
