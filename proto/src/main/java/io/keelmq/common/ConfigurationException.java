package io.keelmq.common;

/**
 * A program was told something it cannot run with. The message is meant for the operator as it is:
 * it names the key, the value, where it came from and what was expected. Programs end with exit
 * code 2.
 */
public final class ConfigurationException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public ConfigurationException(String message) {
    super(message);
  }

  public ConfigurationException(String message, Throwable cause) {
    super(message, cause);
  }
}
