package io.keelmq.edge;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A new key (EC, P-256) and a certificate that it signs for itself: X.509 v3 as RFC 5280 (4.1) has
 * it, with the hosts as subject alternative names. The JDK can read certificates and not write
 * them, so the few fields are put together here.
 */
record SelfSigned(String certificatePem, String keyPem) {

  private static final Duration VALID_FOR = Duration.ofDays(3_650);

  /** For clients whose clock is behind. */
  private static final Duration VALID_BEFORE = Duration.ofDays(1);

  private static final int SERIAL_BITS = 127;
  private static final byte[] COMMON_NAME = Der.oid(2, 5, 4, 3);
  private static final byte[] ALTERNATIVE_NAMES = Der.oid(2, 5, 29, 17);
  private static final byte[] ECDSA_WITH_SHA256 = Der.sequence(Der.oid(1, 2, 840, 10_045, 4, 3, 2));

  // RFC 5280, 4.2.1.6: the kinds of GeneralName.
  private static final int DNS_NAME = 2;
  private static final int IP_ADDRESS = 7;

  static SelfSigned make(List<String> hosts, Instant now) {
    try {
      var generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      KeyPair pair = generator.generateKeyPair();
      byte[] body = body(pair, hosts, now);
      var signature = Signature.getInstance("SHA256withECDSA");
      signature.initSign(pair.getPrivate());
      signature.update(body);
      byte[] certificate = Der.sequence(body, ECDSA_WITH_SHA256, Der.bitString(signature.sign()));
      return new SelfSigned(
          pem("CERTIFICATE", certificate), pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no EC keys or no SHA-256", e);
    }
  }

  private static byte[] body(KeyPair pair, List<String> hosts, Instant now) {
    var serial = new BigInteger(SERIAL_BITS, new SecureRandom()).add(BigInteger.ONE);
    // Clients that trust the certificates of several servers look for one by its name alone.
    String commonName = "keelmq " + hosts.get(0) + " " + serial.toString(16);
    byte[] name = Der.sequence(Der.set(Der.sequence(COMMON_NAME, Der.utf8(commonName))));
    byte[] extension =
        Der.sequence(ALTERNATIVE_NAMES, Der.octets(Der.sequence(alternativeNames(hosts))));
    return Der.sequence(
        Der.explicit(0, Der.integer(BigInteger.TWO)),
        Der.integer(serial),
        ECDSA_WITH_SHA256,
        name,
        Der.sequence(Der.time(now.minus(VALID_BEFORE)), Der.time(now.plus(VALID_FOR))),
        name,
        // Java encodes public keys as the SubjectPublicKeyInfo that belongs here.
        pair.getPublic().getEncoded(),
        Der.explicit(3, Der.sequence(extension)));
  }

  private static byte[][] alternativeNames(List<String> hosts) {
    var names = new ArrayList<byte[]>();
    for (String host : hosts) {
      names.add(
          IpAddresses.bytes(host)
              .map(address -> Der.implicit(IP_ADDRESS, address))
              .orElseGet(() -> Der.implicit(DNS_NAME, host.getBytes(StandardCharsets.US_ASCII))));
    }
    return names.toArray(byte[][]::new);
  }

  private static String pem(String label, byte[] der) {
    String lines =
        Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der);
    return "-----BEGIN " + label + "-----\n" + lines + "\n-----END " + label + "-----\n";
  }
}
