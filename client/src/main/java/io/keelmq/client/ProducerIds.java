package io.keelmq.client;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Names that no other producer has. */
final class ProducerIds {

  private static final SecureRandom RANDOM = new SecureRandom();

  private ProducerIds() {}

  /** 32 hexadecimal digits. */
  static String random() {
    byte[] bits = new byte[16];
    RANDOM.nextBytes(bits);
    return HexFormat.of().formatHex(bits);
  }
}
