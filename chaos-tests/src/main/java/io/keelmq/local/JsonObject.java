package io.keelmq.local;

import java.util.Collection;
import java.util.Locale;
import java.util.stream.Collectors;

/** One JSON object, written on one line. Owned by one thread. */
public final class JsonObject {

  private final StringBuilder text = new StringBuilder("{");

  public JsonObject put(String key, String value) {
    return raw(key, quote(value));
  }

  public JsonObject put(String key, long value) {
    return raw(key, Long.toString(value));
  }

  /** Rounded to three digits behind the point; null for what is no number. */
  public JsonObject put(String key, double value) {
    return raw(key, Double.isFinite(value) ? String.format(Locale.ROOT, "%.3f", value) : "null");
  }

  public JsonObject put(String key, boolean value) {
    return raw(key, Boolean.toString(value));
  }

  public JsonObject put(String key, JsonObject value) {
    return raw(key, value.toString());
  }

  /** Of objects or numbers; strings are quoted. */
  public JsonObject put(String key, Collection<?> values) {
    return raw(
        key,
        values.stream()
            .map(value -> value instanceof String text ? quote(text) : value.toString())
            .collect(Collectors.joining(",", "[", "]")));
  }

  @Override
  public String toString() {
    return text + "}";
  }

  private JsonObject raw(String key, String value) {
    if (text.length() > 1) {
      text.append(',');
    }
    text.append(quote(key)).append(':').append(value);
    return this;
  }

  private static String quote(String value) {
    var quoted = new StringBuilder("\"");
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> quoted.append("\\\"");
        case '\\' -> quoted.append("\\\\");
        case '\n' -> quoted.append("\\n");
        case '\r' -> quoted.append("\\r");
        case '\t' -> quoted.append("\\t");
        default -> {
          if (c < ' ') {
            quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
          } else {
            quoted.append(c);
          }
        }
      }
    }
    return quoted.append('"').toString();
  }
}
