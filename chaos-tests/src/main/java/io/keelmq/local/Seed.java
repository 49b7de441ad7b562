package io.keelmq.local;

import java.util.Optional;
import java.util.Random;

/**
 * What chance is made of, wherever a tool or a chaos run leaves something to it: who knows the seed
 * gets the same choices again. Immutable. The only place that makes generators.
 */
public record Seed(long value) {

  /** Another one each time. */
  public static Seed fresh() {
    return new Seed(System.nanoTime() & 0xffff_ffffL);
  }

  /** As somebody asked for it, else another one each time. */
  public static Seed givenOrFresh(Optional<Long> given) {
    return given.map(Seed::new).orElseGet(Seed::fresh);
  }

  public Random random() {
    return new Random(value);
  }

  /** Independent of those of other numbers, for the threads of a run. */
  public Random random(int number) {
    return new Random(value * 1_000_003 + number);
  }
}
