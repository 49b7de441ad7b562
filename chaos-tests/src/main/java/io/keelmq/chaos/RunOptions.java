package io.keelmq.chaos;

import io.keelmq.local.Seed;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What every tool of long runs can be told. */
final class RunOptions {

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(names = "--seed", description = "Of what the run draws (default: a new one).")
  private Long seed;

  /** The one that was given; without one another at each call. */
  Seed seed() {
    return Seed.givenOrFresh(Optional.ofNullable(seed));
  }
}
