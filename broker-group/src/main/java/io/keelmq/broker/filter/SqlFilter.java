package io.keelmq.broker.filter;

import java.util.Map;

/**
 * A compiled SQL92 filter. Immutable and thread-safe; a message costs no more than the expression
 * is long.
 *
 * <p>Properties are texts. Compared with a number, a text that is none makes the comparison
 * <em>unknown</em>, as does a property that the message lacks: neither it nor its NOT matches. Only
 * {@code IS [NOT] NULL} is never unknown. {@code TAGS} is the message's tag.
 */
public final class SqlFilter {

  /** In characters; what is longer is refused before it is read. */
  public static final int MAX_LENGTH = 8_192;

  private final String expression;
  private final Condition condition;

  private SqlFilter(String expression, Condition condition) {
    this.expression = expression;
    this.condition = condition;
  }

  /**
   * Reads an expression: {@code = <> < <= > >= [NOT] BETWEEN, [NOT] IN, IS [NOT] NULL, [NOT]
   * CONTAINS, STARTSWITH, ENDSWITH, AND, OR, NOT}, brackets, texts in single quotes, decimal
   * numbers, TRUE and FALSE.
   *
   * @throws FilterSyntaxException with the place of the first fault
   */
  public static SqlFilter compile(String expression) throws FilterSyntaxException {
    if (expression.isBlank()) {
      throw new FilterSyntaxException(0, "expected a condition, found nothing");
    }
    if (expression.length() > MAX_LENGTH) {
      throw new FilterSyntaxException(
          MAX_LENGTH,
          "expected at most %d characters, found %d".formatted(MAX_LENGTH, expression.length()));
    }
    return new SqlFilter(expression, new FilterParser(expression).parse());
  }

  /**
   * @param tag empty if the message has none
   */
  public boolean matches(String tag, Map<String, String> properties) {
    return condition.of(new Facts(tag, properties)) == Truth.TRUE;
  }

  /** As it was written. */
  @Override
  public String toString() {
    return expression;
  }
}
