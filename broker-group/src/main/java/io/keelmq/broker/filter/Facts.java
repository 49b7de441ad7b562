package io.keelmq.broker.filter;

import java.util.Map;

/**
 * What a filter may ask of one message.
 *
 * @param tag empty: it has none
 * @param properties the sender's own
 */
record Facts(String tag, Map<String, String> properties) {

  /** By this name an expression asks for the tag. */
  static final String TAGS = "TAGS";

  /** Null if the message has no such property: SQL's NULL, which stays within this package. */
  String value(String name) {
    if (name.equals(TAGS)) {
      return tag.isEmpty() ? null : tag;
    }
    return properties.get(name);
  }
}
