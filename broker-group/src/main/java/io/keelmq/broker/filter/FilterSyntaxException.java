package io.keelmq.broker.filter;

/** A filter expression that cannot be read; it is to be corrected by whoever wrote it. */
public final class FilterSyntaxException extends Exception {

  private static final long serialVersionUID = 1L;

  private final int position;

  /**
   * @param position characters before the place that is wrong
   * @param reason what was expected and found, for the writer of the expression
   */
  FilterSyntaxException(int position, String reason) {
    super("at character " + (position + 1) + ": " + reason);
    this.position = position;
  }

  /** How many characters of the expression stand before the place that is wrong. */
  public int position() {
    return position;
  }
}
