package io.keelmq.common;

/**
 * Where a server listens or is reached. Immutable.
 *
 * @param host a name or an address; an IPv6 address without its brackets
 * @param port 0 to 65,535; 0 only for a listener that takes any free port
 */
public record HostPort(String host, int port) {

  public HostPort {
    if (host == null || host.isBlank()) {
      throw new IllegalArgumentException("host is empty: expected host:port");
    }
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port " + port + " of " + host + " is not in 0 to 65535");
    }
  }

  /**
   * Reads {@code host:port}, {@code [v6]:port}.
   *
   * @throws IllegalArgumentException with what was expected and found
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon <= 0) {
      throw new IllegalArgumentException("\"" + text + "\" is not host:port");
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw new IllegalArgumentException(
          "\"" + text + "\" is not host:port; an IPv6 address goes in [brackets]");
    }
    try {
      return new HostPort(host, Integer.parseInt(text.substring(colon + 1)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "\"" + text + "\" is not host:port: no number behind the colon", e);
    }
  }

  /** The form that {@link #parse} reads. */
  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
