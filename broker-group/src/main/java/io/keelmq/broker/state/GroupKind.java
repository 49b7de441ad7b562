package io.keelmq.broker.state;

/** Who keeps a consumer group's place. The codes are stored and never change. */
public enum GroupKind {
  /** The consumers, by committing offsets. */
  OFFSET(1),
  /** The broker, by leases. */
  LEASE(2);

  private final int code;

  GroupKind(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /**
   * @throws IllegalArgumentException if no kind has the code
   */
  public static GroupKind ofCode(int code) {
    for (GroupKind kind : values()) {
      if (kind.code == code) {
        return kind;
      }
    }
    throw new IllegalArgumentException("consumer group kind " + code + ": expected 1 or 2");
  }
}
