package io.keelmq.broker.filter;

import java.math.BigDecimal;
import java.util.List;

/** A part of an expression that is true, false or unknown of a message. Immutable. */
sealed interface Condition {

  Truth of(Facts facts);

  /** False if one is, else unknown if one is. */
  record And(List<Condition> parts) implements Condition {
    @Override
    public Truth of(Facts facts) {
      Truth all = Truth.TRUE;
      for (Condition part : parts) {
        Truth one = part.of(facts);
        if (one == Truth.FALSE) {
          return Truth.FALSE;
        }
        all = one == Truth.UNKNOWN ? one : all;
      }
      return all;
    }
  }

  /** True if one is, else unknown if one is. */
  record Or(List<Condition> parts) implements Condition {
    @Override
    public Truth of(Facts facts) {
      Truth any = Truth.FALSE;
      for (Condition part : parts) {
        Truth one = part.of(facts);
        if (one == Truth.TRUE) {
          return Truth.TRUE;
        }
        any = one == Truth.UNKNOWN ? one : any;
      }
      return any;
    }
  }

  record Not(Condition part) implements Condition {
    @Override
    public Truth of(Facts facts) {
      return part.of(facts).not();
    }
  }

  /** The one condition that a missing property makes true. */
  record IsNull(Operand.Property property) implements Condition {
    @Override
    public Truth of(Facts facts) {
      return Truth.of(property.text(facts) == null);
    }
  }

  /** An operand that stands alone: TRUE, FALSE, or a property that says so. */
  record Stands(Operand operand) implements Condition {
    @Override
    public Truth of(Facts facts) {
      return operand.truth(facts);
    }
  }

  /** {@code =}: as numbers or truths if one side is written as such, else as texts. */
  record Equal(Operand left, Operand right) implements Condition {
    @Override
    public Truth of(Facts facts) {
      if (left instanceof Operand.Numeral || right instanceof Operand.Numeral) {
        return Order.EQUAL.of(left.number(facts), right.number(facts));
      }
      if (left instanceof Operand.Bool || right instanceof Operand.Bool) {
        Truth one = left.truth(facts);
        Truth other = right.truth(facts);
        return one == Truth.UNKNOWN || other == Truth.UNKNOWN
            ? Truth.UNKNOWN
            : Truth.of(one == other);
      }
      String one = left.text(facts);
      String other = right.text(facts);
      return one == null || other == null ? Truth.UNKNOWN : Truth.of(one.equals(other));
    }
  }

  /** {@code <} and its kin: of numbers only, unknown of anything else. */
  record Ordered(Operand left, Order order, Operand right) implements Condition {
    @Override
    public Truth of(Facts facts) {
      return order.of(left.number(facts), right.number(facts));
    }
  }

  /** {@code CONTAINS}, {@code STARTSWITH}, {@code ENDSWITH}. */
  record Matches(Operand operand, Part part, String wanted) implements Condition {
    @Override
    public Truth of(Facts facts) {
      String text = operand.text(facts);
      if (text == null) {
        return Truth.UNKNOWN;
      }
      return Truth.of(
          switch (part) {
            case ANYWHERE -> text.contains(wanted);
            case START -> text.startsWith(wanted);
            case END -> text.endsWith(wanted);
          });
    }
  }

  /** Where a text is looked for. */
  enum Part {
    ANYWHERE,
    START,
    END
  }

  /** How two numbers stand to each other. */
  enum Order {
    EQUAL,
    LESS,
    AT_MOST,
    GREATER,
    AT_LEAST;

    Truth of(BigDecimal left, BigDecimal right) {
      if (left == null || right == null) {
        return Truth.UNKNOWN;
      }
      int difference = left.compareTo(right);
      return Truth.of(
          switch (this) {
            case EQUAL -> difference == 0;
            case LESS -> difference < 0;
            case AT_MOST -> difference <= 0;
            case GREATER -> difference > 0;
            case AT_LEAST -> difference >= 0;
          });
    }
  }
}
