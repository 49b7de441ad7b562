package io.keelmq.broker;

import java.util.Optional;

/**
 * The rows of this replica are not what the entries say: by a defect, or by damage that no checksum
 * has found. A majority of its group has others, or an operator has decided. They are no good.
 */
public final class DivergedStateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String source;

  public DivergedStateException(String message) {
    this(message, "");
  }

  private DivergedStateException(String message, String source) {
    super(message);
    this.source = source;
  }

  /**
   * An operator has decided.
   *
   * @param source the node that is right
   */
  public static DivergedStateException byOperator(String source) {
    return new DivergedStateException(
        "an operator holds the rows of this replica for wrong, and those of %s for right"
            .formatted(source),
        source);
  }

  /** The node that the replica has to come back from; empty: whichever leads. */
  public Optional<String> source() {
    return Optional.of(source).filter(node -> !node.isEmpty());
  }
}
