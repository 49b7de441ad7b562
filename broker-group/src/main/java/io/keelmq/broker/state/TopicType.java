package io.keelmq.broker.state;

/** What kind of messages a topic takes. The codes are stored and never change. */
public enum TopicType {
  NORMAL(1),
  FIFO(2),
  DELAY(3),
  TRANSACTION(4),
  PRIORITY(5);

  private final int code;

  TopicType(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /**
   * @throws IllegalArgumentException if no type has the code
   */
  public static TopicType ofCode(int code) {
    for (TopicType type : values()) {
      if (type.code == code) {
        return type;
      }
    }
    throw new IllegalArgumentException("topic type " + code + ": expected 1 to 5");
  }
}
