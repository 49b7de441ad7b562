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
      var id =
          new HeldId(
              Long.parseLong(text, 0, dash, 10),
              Integer.parseInt(text, dash + 1, text.length(), 10));
      // One name for each: no leading zeros or signs, which would name the same message again.
      return id.toString().equals(text) && id.logIndex() >= 0 && id.position() >= 0
          ? Optional.of(id)
          : Optional.empty();
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return logIndex + "-" + position;
  }
}
