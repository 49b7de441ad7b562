package io.keelmq.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.ConfigurationException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What users and headers are; that calls are refused is tested where a server is. */
class SignatureCheckTest {

  private static final String TIME = "20261126T040000Z";

  /** {@code printf TIME | openssl dgst -sha1 -hmac secret-1}. */
  private static final String SIGNATURE = "51993021D8B2BD76F138C21C2B6E60965780642C";

  @TempDir Path folder;

  @Test
  void knowsWhoHasSigned() throws Exception {
    Users users = users("# ours\n\nalice=secret-1\nbob = secret=2 \n");

    assertTrue(users.hasSigned(signed("alice", SIGNATURE), TIME));
    assertTrue(users.hasSigned(signed("alice", SIGNATURE.toLowerCase(Locale.ROOT)), TIME));
    assertTrue(users.hasSigned(signed("alice/region/RocketMQ", SIGNATURE), TIME));
    assertFalse(users.hasSigned(signed("alice", SIGNATURE), "20261126T040001Z"));
    assertFalse(users.hasSigned(signed("bob", SIGNATURE), TIME));
    assertFalse(users.hasSigned(signed("eve", SIGNATURE), TIME));
    assertFalse(users.hasSigned(signed("alice", "0".repeat(40)), TIME));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "MQv2-HMAC-SHA1 Credential=,",
        "MQv2-HMAC-SHA1 Credential=, SignedHeaders=x-mq-date-time, Signature=00",
        "Basic YTpi",
        "MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=xyz",
        "MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=host,"
            + " Signature=0000000000000000000000000000000000000000",
        "MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time,"
            + " Signature=000000000000000000000000000000000000000000"
      })
  void refusesOtherHeaders(String header) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Authorization.parse(header))
            .getMessage();

    assertTrue(message.startsWith("authorization: expected "), message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "# none\n", "alice\n", "=x\n", "a=1\na=2\n", "a,b=1\n", "a=\n"})
  void refusesFilesThatNameNobody(String text) throws Exception {
    String message = assertThrows(ConfigurationException.class, () -> users(text)).getMessage();

    assertTrue(message.startsWith("users.file="), message);
  }

  @Test
  void keepsSecretsOutOfItsErrors() throws Exception {
    String message =
        assertThrows(ConfigurationException.class, () -> users("hush\nhush=sesame\n")).getMessage();

    assertEquals(-1, message.indexOf("sesame"));
  }

  private Users users(String text) throws Exception {
    return Users.read(Files.writeString(folder.resolve("users"), text));
  }

  private static Authorization signed(String credential, String signature) {
    return Authorization.parse(
        "MQv2-HMAC-SHA1 Credential="
            + credential
            + ", SignedHeaders=x-mq-date-time, Signature="
            + signature);
  }
}
