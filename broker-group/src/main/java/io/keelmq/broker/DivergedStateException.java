package io.keelmq.broker.raft;

/**
 * The rows of this replica are not those that a majority of its group has made of the same entries:
 * by a defect, or by damage that no checksum has found. They are no good.
 */
public final class DivergedStateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DivergedStateException(String message) {
    super(message);
  }
}
