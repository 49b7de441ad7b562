package io.keelmq.broker.filter;

import io.keelmq.broker.filter.Token.Kind;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Cuts an expression into words, one at a time. For one thread. */
final class Lexer {

  private static final Set<String> KEYWORDS =
      Set.of(
          "AND",
          "OR",
          "NOT",
          "BETWEEN",
          "IN",
          "IS",
          "NULL",
          "TRUE",
          "FALSE",
          "CONTAINS",
          "STARTSWITH",
          "ENDSWITH");

  /** Longer ones first. */
  private static final List<String> SYMBOLS =
      List.of("<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "-", "+");

  private final String text;
  private int at;

  Lexer(String text) {
    this.text = text;
  }

  /** The next word, END again and again behind the last one. */
  Token next() throws FilterSyntaxException {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
    int start = at;
    if (at == text.length()) {
      return new Token(Kind.END, "", start);
    }
    char first = text.charAt(at);
    if (first == '\'') {
      return new Token(Kind.TEXT, quoted(), start);
    }
    if (isDigit(first)
        || (first == '.' && at + 1 < text.length() && isDigit(text.charAt(at + 1)))) {
      return new Token(Kind.NUMBER, number(), start);
    }
    if (isNameStart(first)) {
      while (at < text.length() && (isNameStart(text.charAt(at)) || isDigit(text.charAt(at)))) {
        at++;
      }
      String word = text.substring(start, at);
      String keyword = word.toUpperCase(Locale.ROOT);
      return KEYWORDS.contains(keyword)
          ? new Token(Kind.KEYWORD, keyword, start)
          : new Token(Kind.NAME, word, start);
    }
    for (String symbol : SYMBOLS) {
      if (text.startsWith(symbol, at)) {
        at += symbol.length();
        return new Token(Kind.SYMBOL, symbol, start);
      }
    }
    throw new FilterSyntaxException(
        start, "expected a name, a literal or an operator, found \"" + shown(start) + "\"");
  }

  /** The whole character, so that no half of a pair gets into an error. */
  private String shown(int position) {
    int character = text.codePointAt(position);
    return Character.isISOControl(character) ? "?" : Character.toString(character);
  }

  /** Two quotes in a row stand for one. */
  private String quoted() throws FilterSyntaxException {
    int start = at++;
    var value = new StringBuilder();
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c != '\'') {
        value.append(c);
      } else if (at < text.length() && text.charAt(at) == '\'') {
        value.append(c);
        at++;
      } else {
        return value.toString();
      }
    }
    throw new FilterSyntaxException(start, "expected a closing ', found the end");
  }

  /** Digits, a fraction, an exponent; whether they make a number is for the parser to say. */
  private String number() {
    int start = at;
    while (at < text.length() && isNumberPart(start)) {
      at++;
    }
    return text.substring(start, at);
  }

  private boolean isNumberPart(int start) {
    char c = text.charAt(at);
    if (c == '+' || c == '-') {
      char before = text.charAt(at - 1);
      return at > start && (before == 'e' || before == 'E');
    }
    return c == '.' || isNameStart(c) || isDigit(c);
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isNameStart(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
  }
}
