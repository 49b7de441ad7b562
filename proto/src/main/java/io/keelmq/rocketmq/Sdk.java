package io.keelmq.rocketmq;

import java.util.Locale;

/** Official SDKs, as far as they have to be treated differently. */
public enum Sdk {
  /**
   * Joins the addresses of a route by commas into one target for its channel, hangs if the answer
   * to its settings comes before it waits for it, and knows exponential backoff only.
   */
  NODE,
  /** Connects to the first address of a route and to no other. */
  DOT_NET,
  /**
   * Python's over TLS. It verifies certificates, and takes all addresses of a route together for
   * the one name that has to stand there.
   */
  PYTHON_TLS,
  OTHER;

  /**
   * Tells it by what the SDK says of itself in the metadata of each call.
   *
   * @param language {@code x-mq-language}; Node's SDK says HTTP
   * @param userAgent {@code user-agent}
   * @param tls whether the call came that way
   */
  public static Sdk of(String language, String userAgent, boolean tls) {
    String agent = userAgent.toLowerCase(Locale.ROOT);
    return switch (language.toUpperCase(Locale.ROOT)) {
      case "HTTP", "NODE_JS", "NODEJS", "NODE" -> NODE;
      case "DOT_NET", "DOTNET", "CSHARP" -> DOT_NET;
      case "PYTHON" -> tls ? PYTHON_TLS : OTHER;
      case "" -> ofAgent(agent);
      default -> OTHER;
    };
  }

  private static Sdk ofAgent(String agent) {
    if (agent.contains("grpc-node")) {
      return NODE;
    }
    return agent.contains("grpc-dotnet") ? DOT_NET : OTHER;
  }
}
