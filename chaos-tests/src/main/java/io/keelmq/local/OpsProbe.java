package io.keelmq.local;

import io.keelmq.common.HostPort;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks a node's ops port how it is. Stateless, blocks up to its timeout. */
final class OpsProbe {

  /**
   * @param role LEADER, FOLLOWER, CANDIDATE, UNINITIALIZED, NAME_SERVER, or empty if the answer
   *     does not tell
   */
  record Readiness(boolean ready, String role, String reason) {}

  private static final int MAX_ANSWER_BYTES = 64 * 1024;
  private static final Pattern ROLE = Pattern.compile("\"role\"\\s*:\\s*\"([A-Z_]*)\"");
  private static final Pattern REASON =
      Pattern.compile("\"reason\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");

  private OpsProbe() {}

  /** Empty if nobody answers in time. */
  static Optional<Readiness> readiness(HostPort ops, Duration timeout) {
    HttpURLConnection connection = null;
    try {
      connection =
          (HttpURLConnection) URI.create("http://" + ops + "/ready").toURL().openConnection();
      connection.setConnectTimeout((int) timeout.toMillis());
      connection.setReadTimeout((int) timeout.toMillis());
      int status = connection.getResponseCode();
      String body;
      try (InputStream in =
          status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
        body =
            in == null ? "" : new String(in.readNBytes(MAX_ANSWER_BYTES), StandardCharsets.UTF_8);
      }
      return Optional.of(new Readiness(status == 200, find(ROLE, body), find(REASON, body)));
    } catch (IOException e) {
      return Optional.empty();
    } finally {
      if (connection != null) {
        connection.disconnect();
      }
    }
  }

  private static String find(Pattern pattern, String body) {
    Matcher matcher = pattern.matcher(body);
    return matcher.find() ? matcher.group(1).replace("\\\"", "\"").replace("\\\\", "\\") : "";
  }
}
