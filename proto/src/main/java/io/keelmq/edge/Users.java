package io.keelmq.edge;

import io.keelmq.common.ConfigurationException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Who may call: access keys with their secrets, as they stood in a file at the start. Immutable.
 *
 * <p>None at all means that everybody may.
 */
public final class Users {

  static final int MAX_USERS = 10_000;

  private static final long MAX_FILE_BYTES = 4 << 20;
  private static final String HMAC = "HmacSHA1";

  /** Signs for whoever is unknown, so that it takes as long to refuse them as a wrong secret. */
  private static final byte[] NOBODY = "nobody".getBytes(StandardCharsets.UTF_8);

  private final Map<String, byte[]> secrets;

  private Users(Map<String, byte[]> secrets) {
    this.secrets = Map.copyOf(secrets);
  }

  public static Users none() {
    return new Users(Map.of());
  }

  /**
   * Reads lines {@code accessKey=secret}; empty ones and those that begin with # are passed over.
   *
   * @throws ConfigurationException with the line, and without the secret
   */
  public static Users read(Path file) {
    List<String> lines;
    try {
      if (Files.size(file) > MAX_FILE_BYTES) {
        throw new IOException("it has more than " + MAX_FILE_BYTES + " bytes");
      }
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      throw new ConfigurationException(
          "users.file=%s: expected a readable text file in UTF-8: %s".formatted(file, e), e);
    }
    var secrets = new HashMap<String, byte[]>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      int equals = line.indexOf('=');
      String key = equals < 0 ? "" : line.substring(0, equals).strip();
      String secret = line.substring(equals + 1).strip();
      if (!key.matches("[^/,\\s]{1,128}") || secret.isEmpty()) {
        throw bad(file, i, "expected accessKey=secret, the key without spaces, commas and slashes");
      }
      if (secrets.put(key, secret.getBytes(StandardCharsets.UTF_8)) != null) {
        throw bad(file, i, "expected each access key once, found " + key + " again");
      }
      if (secrets.size() > MAX_USERS) {
        throw bad(file, i, "expected at most " + MAX_USERS + " users");
      }
    }
    if (secrets.isEmpty()) {
      // Everybody could call, which is not what one names a file for.
      throw new ConfigurationException(
          "users.file=" + file + ": expected at least one line accessKey=secret, found none");
    }
    return new Users(secrets);
  }

  private static ConfigurationException bad(Path file, int index, String what) {
    return new ConfigurationException(
        "users.file=%s, line %d: %s".formatted(file, index + 1, what));
  }

  boolean isEmpty() {
    return secrets.isEmpty();
  }

  /** Whether the user exists and signed this with its secret. Takes as long if not. */
  boolean hasSigned(Authorization authorization, String dateTime) {
    byte[] secret = secrets.get(authorization.accessKey());
    byte[] expected = hmac(secret == null ? NOBODY : secret, dateTime);
    return MessageDigest.isEqual(expected, authorization.signature().toByteArray())
        && secret != null;
  }

  private static byte[] hmac(byte[] secret, String text) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(secret, HMAC));
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no " + HMAC, e);
    }
  }
}
