package io.keelmq.broker.filter;

import io.keelmq.broker.filter.Condition.Order;
import io.keelmq.broker.filter.Condition.Part;
import io.keelmq.broker.filter.Token.Kind;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads an expression by recursive descent. Weakest first: OR, AND, NOT, comparisons. For one
 * thread and one expression.
 */
final class FilterParser {

  /** How many brackets and NOTs may stand within each other: a bound for the stack. */
  static final int MAX_DEPTH = 64;

  private static final Map<String, Order> ORDERS =
      Map.of("<", Order.LESS, "<=", Order.AT_MOST, ">", Order.GREATER, ">=", Order.AT_LEAST);

  private static final Map<String, Part> PARTS =
      Map.of("CONTAINS", Part.ANYWHERE, "STARTSWITH", Part.START, "ENDSWITH", Part.END);

  private final Lexer lexer;
  private Token token;
  private int depth;

  FilterParser(String text) throws FilterSyntaxException {
    this.lexer = new Lexer(text);
    this.token = lexer.next();
  }

  Condition parse() throws FilterSyntaxException {
    Condition condition = either();
    if (token.kind() != Kind.END) {
      throw expected("AND, OR or the end");
    }
    return condition;
  }

  private Condition either() throws FilterSyntaxException {
    var parts = new ArrayList<Condition>();
    do {
      parts.add(both());
    } while (skip("OR"));
    return parts.size() == 1 ? parts.get(0) : new Condition.Or(List.copyOf(parts));
  }

  private Condition both() throws FilterSyntaxException {
    var parts = new ArrayList<Condition>();
    do {
      parts.add(negated());
    } while (skip("AND"));
    return parts.size() == 1 ? parts.get(0) : new Condition.And(List.copyOf(parts));
  }

  private Condition negated() throws FilterSyntaxException {
    if (!token.is("NOT")) {
      return comparison();
    }
    descend();
    next();
    Condition part = negated();
    depth--;
    return new Condition.Not(part);
  }

  private void descend() throws FilterSyntaxException {
    if (++depth > MAX_DEPTH) {
      throw new FilterSyntaxException(
          token.position(), "expected at most " + MAX_DEPTH + " brackets and NOTs in each other");
    }
  }

  private Condition comparison() throws FilterSyntaxException {
    if (token.is("(")) {
      descend();
      next();
      Condition inner = either();
      expect(")");
      depth--;
      return inner;
    }
    Token start = token;
    Operand left = operand();
    if (token.kind() == Kind.SYMBOL) {
      String symbol = token.text();
      if (symbol.equals("=") || symbol.equals("<>")) {
        next();
        Condition equal = new Condition.Equal(left, operand());
        return symbol.equals("=") ? equal : new Condition.Not(equal);
      }
      if (ORDERS.containsKey(symbol)) {
        Operand ordered = ordered(left, start);
        next();
        return new Condition.Ordered(ordered, ORDERS.get(symbol), number());
      }
    }
    if (skip("IS")) {
      boolean not = skip("NOT");
      expect("NULL");
      return negatedIf(not, new Condition.IsNull(property(left, start)));
    }
    boolean not = skip("NOT");
    if (skip("BETWEEN")) {
      return negatedIf(not, between(ordered(left, start)));
    }
    if (skip("IN")) {
      return negatedIf(not, in(property(left, start)));
    }
    if (token.kind() == Kind.KEYWORD && PARTS.containsKey(token.text())) {
      Part part = PARTS.get(token.text());
      next();
      return negatedIf(not, new Condition.Matches(property(left, start), part, text()));
    }
    if (not) {
      throw expected("BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH after NOT");
    }
    if (left instanceof Operand.Text || left instanceof Operand.Numeral) {
      throw expected("a comparison");
    }
    return new Condition.Stands(left);
  }

  private static Condition negatedIf(boolean not, Condition condition) {
    return not ? new Condition.Not(condition) : condition;
  }

  private Condition between(Operand operand) throws FilterSyntaxException {
    Operand from = number();
    expect("AND");
    Token upper = token;
    Operand to = number();
    if (from instanceof Operand.Numeral low
        && to instanceof Operand.Numeral high
        && low.value().compareTo(high.value()) > 0) {
      throw new FilterSyntaxException(
          upper.position(),
          "expected at least " + low.value() + ", where BETWEEN begins, found " + high.value());
    }
    return new Condition.And(
        List.of(
            new Condition.Ordered(operand, Order.AT_LEAST, from),
            new Condition.Ordered(operand, Order.AT_MOST, to)));
  }

  private Condition in(Operand.Property property) throws FilterSyntaxException {
    expect("(");
    var parts = new ArrayList<Condition>();
    do {
      if (token.kind() == Kind.NAME || token.kind() == Kind.KEYWORD) {
        throw expected("a text or a number");
      }
      parts.add(new Condition.Equal(property, operand()));
    } while (skip(","));
    expect(")");
    return new Condition.Or(List.copyOf(parts));
  }

  private Operand operand() throws FilterSyntaxException {
    Token at = token;
    switch (at.kind()) {
      case NAME -> {
        next();
        return new Operand.Property(at.text());
      }
      case TEXT -> {
        next();
        return new Operand.Text(at.text());
      }
      case NUMBER -> {
        return literal("");
      }
      case SYMBOL -> {
        if (skip("-")) {
          return literal("-");
        }
        if (skip("+")) {
          return literal("");
        }
      }
      case KEYWORD -> {
        if (skip("TRUE")) {
          return new Operand.Bool(true);
        }
        if (skip("FALSE")) {
          return new Operand.Bool(false);
        }
        if (at.is("NULL")) {
          throw expected("a value; whether there is none says IS NULL");
        }
      }
      case END -> {}
    }
    throw expected("a property or a literal");
  }

  private Operand literal(String sign) throws FilterSyntaxException {
    BigDecimal value = token.kind() == Kind.NUMBER ? Operand.parse(sign + token.text()) : null;
    if (value == null) {
      throw expected("a number of at most " + (Operand.MAX_NUMBER_LENGTH - 1) + " characters");
    }
    next();
    return new Operand.Numeral(value);
  }

  /** An operand that can be less or more than another. */
  private Operand number() throws FilterSyntaxException {
    Token at = token;
    return ordered(operand(), at);
  }

  private static Operand ordered(Operand operand, Token at) throws FilterSyntaxException {
    if (operand instanceof Operand.Text || operand instanceof Operand.Bool) {
      throw new FilterSyntaxException(
          at.position(),
          "expected a number or a property, found " + at.found() + ", which has no order");
    }
    return operand;
  }

  private static Operand.Property property(Operand operand, Token at) throws FilterSyntaxException {
    if (operand instanceof Operand.Property property) {
      return property;
    }
    throw new FilterSyntaxException(
        at.position(), "expected the name of a property, found " + at.found());
  }

  private String text() throws FilterSyntaxException {
    if (token.kind() != Kind.TEXT) {
      throw expected("a text in 'quotes'");
    }
    String text = token.text();
    next();
    return text;
  }

  private boolean skip(String word) throws FilterSyntaxException {
    if (!token.is(word)) {
      return false;
    }
    next();
    return true;
  }

  private void expect(String word) throws FilterSyntaxException {
    if (!skip(word)) {
      throw expected(word);
    }
  }

  private void next() throws FilterSyntaxException {
    token = lexer.next();
  }

  private FilterSyntaxException expected(String what) {
    return new FilterSyntaxException(
        token.position(), "expected " + what + ", found " + token.found());
  }
}
