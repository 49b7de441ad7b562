package io.keelmq.edge;

import com.google.protobuf.ByteString;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The {@code authorization} header of RocketMQ 5 SDKs: {@code MQv2-HMAC-SHA1
 * Credential=<key>[/scope], SignedHeaders=x-mq-date-time, Signature=<hex>}. Immutable.
 *
 * @param signature 20 bytes
 */
record Authorization(String accessKey, ByteString signature) {

  static final String SIGNED_HEADER = "x-mq-date-time";

  private static final int MAX_LENGTH = 1_024;
  private static final int SIGNATURE_BYTES = 20;

  /** The hexadecimal digits come in either case, by the SDK's language. */
  private static final Pattern FORM =
      Pattern.compile(
          "MQv2-HMAC-SHA1 +Credential=([^/,\\s]+)(?:/[^,\\s]*)?, *SignedHeaders=([^,\\s]*),"
              + " *Signature=([0-9a-fA-F]{%d})".formatted(2 * SIGNATURE_BYTES));

  /**
   * @throws IllegalArgumentException whose message says what was expected, and nothing of the
   *     header itself
   */
  static Authorization parse(String header) {
    Matcher parts = FORM.matcher(header);
    if (header.length() > MAX_LENGTH || !parts.matches()) {
      throw new IllegalArgumentException(
          "authorization: expected \"MQv2-HMAC-SHA1 Credential=<access key>, SignedHeaders="
              + SIGNED_HEADER
              + ", Signature=<40 hexadecimal digits>\"");
    }
    if (!parts.group(2).equals(SIGNED_HEADER)) {
      throw new IllegalArgumentException(
          "authorization: expected SignedHeaders=" + SIGNED_HEADER + ", which is what is signed");
    }
    return new Authorization(parts.group(1), ByteString.fromHex(parts.group(3)));
  }
}
