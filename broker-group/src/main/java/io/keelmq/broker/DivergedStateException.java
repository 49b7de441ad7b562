package io.keelmq.broker;

/**
 * The rows of this replica are not what the entries say: by a defect, or by damage that no checksum
 * has found. A majority of its group has others, or an operator has decided. They are no good.
 */
public final class DivergedStateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DivergedStateException(String message) {
    super(message);
  }
}
