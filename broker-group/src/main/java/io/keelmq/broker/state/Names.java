package io.keelmq.broker.state;

/** What may be called what. */
public final class Names {

  private Names() {}

  /** {@code ^[%a-zA-Z0-9_-]{1,127}$} */
  public static boolean isTopic(String name) {
    return isName(name, Limits.MAX_TOPIC_NAME);
  }

  /** {@code ^[%a-zA-Z0-9_-]{1,120}$} */
  public static boolean isConsumerGroup(String name) {
    return isName(name, Limits.MAX_CONSUMER_GROUP_NAME);
  }

  /** Printable ASCII, 1 to {@code maxLength} characters. */
  public static boolean isPrintable(String text, int maxLength) {
    if (text.isEmpty() || text.length() > maxLength) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < 0x21 || c > 0x7e) {
        return false;
      }
    }
    return true;
  }

  private static boolean isName(String name, int maxLength) {
    if (name.isEmpty() || name.length() > maxLength) {
      return false;
    }
    return name.chars().allMatch(Names::isOfName);
  }

  /** Whether the character may stand in a name. */
  public static boolean isOfName(int c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '_'
        || c == '-'
        || c == '%';
  }
}
