package io.keelmq.chaos;

import io.keelmq.chaos.checks.GroupRules;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * A consumer group of a run, and how its consumers behave. Its number is in the history. Immutable.
 *
 * <p>Leases that are not renewed are short, so that late and missing acknowledgements let them end.
 */
enum Crew {
  STEADY(0, "steady", Lane.PLAIN, false, true, 5_000),
  HASTY(1, "hasty", Lane.PLAIN, false, false, 2_000),
  ORDERLY(2, "orderly", Lane.ORDERED, true, false, 2_000),
  PATIENT(3, "patient", Lane.ORDERED, true, true, 5_000),
  PUNCTUAL(4, "punctual", Lane.TIMERS, false, true, 5_000),
  TRADERS(5, "traders", Lane.DEALS, false, true, 5_000);

  static final int MAX_ATTEMPTS = 6;
  static final int MAX_IN_FLIGHT = 64;

  private final int number;
  private final String group;
  private final Lane lane;
  private final boolean fifo;
  private final boolean renews;
  private final long invisibleMillis;

  Crew(int number, String group, Lane lane, boolean fifo, boolean renews, long invisibleMillis) {
    this.number = number;
    this.group = group;
    this.lane = lane;
    this.fifo = fifo;
    this.renews = renews;
    this.invisibleMillis = invisibleMillis;
  }

  int number() {
    return number;
  }

  String group() {
    return group;
  }

  Lane lane() {
    return lane;
  }

  boolean fifo() {
    return fifo;
  }

  /** Its leases last as long as the consumer's stream. */
  boolean renews() {
    return renews;
  }

  Duration invisible() {
    return Duration.ofMillis(invisibleMillis);
  }

  String deadLetterTopic() {
    return "%DLQ%" + group;
  }

  GroupRules rules() {
    return new GroupRules(
        number,
        group,
        lane.firstQueue(),
        lane.queues(),
        fifo,
        MAX_ATTEMPTS,
        invisibleMillis,
        MAX_IN_FLIGHT);
  }

  static List<GroupRules> allRules() {
    return Arrays.stream(values()).map(Crew::rules).toList();
  }
}
