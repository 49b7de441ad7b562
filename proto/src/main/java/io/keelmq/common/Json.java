package io.keelmq.common;

import java.math.BigDecimal;
import java.util.Collection;
import java.util.Map;

/**
 * Writes one JSON object, its fields in the order of the calls. For one thread.
 *
 * <p>Text is written as it is but for what RFC 8259 (7) says must be escaped, and for halves of
 * surrogate pairs, which have no UTF-8 form.
 */
public final class Json {
  private final StringBuilder text = new StringBuilder(256).append('{');
  private boolean empty = true;

  public Json put(String name, String value) {
    name(name);
    quote(value);
    return this;
  }

  public Json put(String name, long value) {
    name(name);
    text.append(value);
    return this;
  }

  /** A number with three decimals; one that is none (NaN, infinite) is null. */
  public Json put(String name, double value) {
    name(name);
    if (Double.isFinite(value)) {
      double rounded = Math.rint(value * 1_000) / 1_000;
      if (rounded == Math.rint(rounded) && Math.abs(rounded) < 1e15) {
        text.append((long) rounded).append(".0");
      } else {
        text.append(BigDecimal.valueOf(rounded).toPlainString());
      }
    } else {
      text.append("null");
    }
    return this;
  }

  public Json put(String name, boolean value) {
    name(name);
    text.append(value);
    return this;
  }

  public Json putNull(String name) {
    name(name);
    text.append("null");
    return this;
  }

  public Json put(String name, Json object) {
    name(name);
    text.append(object);
    return this;
  }

  public Json putObjects(String name, Collection<Json> objects) {
    name(name);
    text.append('[');
    String separator = "";
    for (Json object : objects) {
      text.append(separator).append(object);
      separator = ",";
    }
    text.append(']');
    return this;
  }

  public Json putTexts(String name, Collection<String> values) {
    name(name);
    text.append('[');
    String separator = "";
    for (String value : values) {
      text.append(separator);
      quote(value);
      separator = ",";
    }
    text.append(']');
    return this;
  }

  public Json putTexts(String name, Map<String, String> values) {
    var object = new Json();
    values.forEach(object::put);
    return put(name, object);
  }

  /** Finite numbers, as they are. */
  public Json putNumbers(String name, Collection<? extends Number> values) {
    name(name);
    text.append('[');
    String separator = "";
    for (Number value : values) {
      text.append(separator).append(value);
      separator = ",";
    }
    text.append(']');
    return this;
  }

  private void name(String name) {
    if (!empty) {
      text.append(',');
    }
    empty = false;
    quote(name);
    text.append(':');
  }

  private void quote(String value) {
    text.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> text.append("\\\"");
        case '\\' -> text.append("\\\\");
        case '\n' -> text.append("\\n");
        case '\r' -> text.append("\\r");
        case '\t' -> text.append("\\t");
        default -> {
          if (c < 0x20 || isLoneSurrogate(value, i)) {
            text.append("\\u").append(Character.forDigit(c >> 12, 16));
            text.append(Character.forDigit(c >> 8 & 15, 16));
            text.append(Character.forDigit(c >> 4 & 15, 16));
            text.append(Character.forDigit(c & 15, 16));
          } else {
            text.append(c);
          }
        }
      }
    }
    text.append('"');
  }

  private static boolean isLoneSurrogate(String value, int i) {
    char c = value.charAt(i);
    if (Character.isHighSurrogate(c)) {
      return i + 1 == value.length() || !Character.isLowSurrogate(value.charAt(i + 1));
    }
    return Character.isLowSurrogate(c)
        && (i == 0 || !Character.isHighSurrogate(value.charAt(i - 1)));
  }

  /** The object so far. */
  @Override
  public String toString() {
    return text + "}";
  }
}
