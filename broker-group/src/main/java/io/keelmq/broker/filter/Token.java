package io.keelmq.broker.filter;

/**
 * A word of an expression.
 *
 * @param text what it means: quotes taken off a text, keywords in capitals
 * @param position characters before it
 */
record Token(Kind kind, String text, int position) {

  enum Kind {
    NAME,
    KEYWORD,
    TEXT,
    NUMBER,
    SYMBOL,
    END
  }

  boolean is(String word) {
    return (kind == Kind.KEYWORD || kind == Kind.SYMBOL) && text.equals(word);
  }

  /** For errors. */
  String found() {
    return switch (kind) {
      case END -> "the end";
      case TEXT -> "'" + text + "'";
      default -> "\"" + text + "\"";
    };
  }
}
