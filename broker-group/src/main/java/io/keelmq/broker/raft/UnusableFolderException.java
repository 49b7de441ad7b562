package io.keelmq.broker.raft;

/**
 * The data folder cannot be used as it is, and going on would risk acknowledged messages. The
 * message says what was expected, what was found and what to do.
 */
public sealed class UnusableFolderException extends Exception permits DamagedFolderException {
  private static final long serialVersionUID = 1L;

  UnusableFolderException(String message) {
    super(message);
  }
}
