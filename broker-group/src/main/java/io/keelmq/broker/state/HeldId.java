package io.keelmq.broker.state;

import java.util.Optional;

/**
 * What a delayed or half message is called: where its first record stands in the log.
 *
 * @param position in bytes from the start of the entry
 */
public record HeldId(long logIndex, int position) {

  /** As told to clients, the other direction of {@link #toString}. */
  public static Optional<HeldId> parse(String text) {
    int dash = text.indexOf('-');
    if (dash < 1 || text.length() > 31) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new HeldId(
              Long.parseUnsignedLong(text, 0, dash, 10),
              Integer.parseUnsignedInt(text, dash + 1, text.length(), 10)));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return logIndex + "-" + position;
  }
}
