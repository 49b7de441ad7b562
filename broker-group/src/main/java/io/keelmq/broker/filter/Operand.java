package io.keelmq.broker.filter;

import java.math.BigDecimal;

/** One side of a comparison. */
sealed interface Operand {

  /** A property's text, which counts as a number or a truth where it is compared with one. */
  record Property(String name) implements Operand {}

  record Text(String value) implements Operand {}

  record Numeral(BigDecimal value) implements Operand {}

  record Bool(boolean value) implements Operand {}

  /** Longer texts are no numbers, so that a property cannot make a comparison slow. */
  int MAX_NUMBER_LENGTH = 64;

  /** As text; null if it is none or the message lacks it. */
  default String text(Facts facts) {
    if (this instanceof Property property) {
      return facts.value(property.name());
    }
    return this instanceof Text text ? text.value() : null;
  }

  /** As a number; null if it is none. */
  default BigDecimal number(Facts facts) {
    if (this instanceof Numeral numeral) {
      return numeral.value();
    }
    String text = text(facts);
    return text == null ? null : parse(text);
  }

  default Truth truth(Facts facts) {
    if (this instanceof Bool bool) {
      return Truth.of(bool.value());
    }
    String text = text(facts);
    if (text == null) {
      return Truth.UNKNOWN;
    }
    if (text.equalsIgnoreCase("true")) {
      return Truth.TRUE;
    }
    return text.equalsIgnoreCase("false") ? Truth.FALSE : Truth.UNKNOWN;
  }

  /** Null if the text is no number. */
  static BigDecimal parse(String text) {
    if (text.isEmpty() || text.length() > MAX_NUMBER_LENGTH || !mayBeNumber(text.charAt(0))) {
      return null;
    }
    try {
      return new BigDecimal(text);
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** Spares most texts the price of an exception. */
  private static boolean mayBeNumber(char first) {
    return (first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.';
  }
}
