package io.keelmq.common;

import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The log lines of gRPC itself, which go through {@code java.util.logging}: each connection that is
 * refused or breaks is worth a line there, and calls report it anyway. Thread-safe.
 */
public final class GrpcLog {

  /** Held, because the JDK forgets the level of a logger that nobody holds. */
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  private GrpcLog() {}

  /** Lets warnings and what is worse pass; called once, before the first channel or server. */
  public static void warningsOnly() {
    GRPC.setLevel(Level.WARNING);
  }
}
