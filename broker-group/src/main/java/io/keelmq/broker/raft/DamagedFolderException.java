package io.keelmq.broker.raft;

/**
 * Files of the folder are not as they were written, or are gone. Where the group goes on without
 * this replica it can come back from the others: see {@link DamagedFolder}.
 */
public sealed class DamagedFolderException extends UnusableFolderException
    permits LostMemoryException {
  private static final long serialVersionUID = 1L;

  DamagedFolderException(String message) {
    super(message);
  }
}
