package io.keelmq.broker.raft;

/**
 * The folder lacks what a member must not forget: its log, its votes, or entries that it has
 * acknowledged. What is left of it may not vote; the replica can come back as another incarnation.
 */
final class LostMemoryException extends DamagedFolderException {
  private static final long serialVersionUID = 1L;

  LostMemoryException(String message) {
    super(message);
  }
}
