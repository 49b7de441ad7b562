package io.keelmq.edge;

import io.grpc.Metadata;

/** Which of the SDKs calls, as far as it makes a difference to what it is answered. */
public enum Sdk {
  /** Joins the addresses of a broker with commas, without saying that they are addresses. */
  NODE,
  /** Connects to the first address and to no other. */
  DOT_NET,
  /** Connects to any address of a broker, and to the next one if that fails. */
  OTHER;

  private static final Metadata.Key<String> LANGUAGE =
      Metadata.Key.of("x-mq-language", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> USER_AGENT =
      Metadata.Key.of("user-agent", Metadata.ASCII_STRING_MARSHALLER);

  /** Of the headers of any call. */
  public static Sdk of(Metadata headers) {
    String language = headers.get(LANGUAGE);
    String userAgent = headers.get(USER_AGENT);
    // Node's SDK calls its language HTTP.
    if ("HTTP".equals(language) || (userAgent != null && userAgent.contains("grpc-node"))) {
      return NODE;
    }
    return "DOT_NET".equals(language) ? DOT_NET : OTHER;
  }
}
