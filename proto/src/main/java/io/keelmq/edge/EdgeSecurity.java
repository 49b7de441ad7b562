package io.keelmq.edge;

import io.grpc.InsecureServerCredentials;
import io.grpc.ServerCredentials;
import io.keelmq.common.ConfigurationException;
import io.keelmq.common.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/**
 * How a client port takes its callers. Immutable.
 *
 * @param credentials of the server's socket
 * @param users who may call the services of RocketMQ
 */
public record EdgeSecurity(ServerCredentials credentials, Users users) {

  /** The settings that all programs with a client port have. */
  public static final List<Settings.Key> KEYS =
      List.of(
          Settings.key("tls.certificate", "", "PEM file; without one a self-signed one is made"),
          Settings.key("tls.key", "", "its private key, PEM file, PKCS #8"),
          Settings.key("users.file", "", "lines accessKey=secret; without it everybody may call"));

  /**
   * What an operator configured. Reads files only when it is put to use.
   *
   * @param files certificate and key; empty: self-signed
   */
  public record Options(Optional<CertificateFiles> files, Optional<Path> usersFile) {

    /** Made of {@link #KEYS}; throws ConfigurationException. */
    public static Options of(Settings settings) {
      boolean certificate = settings.isSet("tls.certificate");
      if (certificate != settings.isSet("tls.key")) {
        throw settings.bad(
            certificate ? "tls.key" : "tls.certificate", "a file: certificate and key go together");
      }
      return new Options(
          certificate
              ? Optional.of(
                  new CertificateFiles(
                      Path.of(settings.string("tls.certificate")),
                      Path.of(settings.string("tls.key"))))
              : Optional.empty(),
          settings.isSet("users.file")
              ? Optional.of(Path.of(settings.string("users.file")))
              : Optional.empty());
    }
  }

  /** Where a configured certificate is. */
  public record CertificateFiles(Path chain, Path key) {}

  /** Plaintext for everybody; for tests. */
  public static EdgeSecurity none() {
    return new EdgeSecurity(InsecureServerCredentials.create(), Users.none());
  }

  /**
   * Reads certificate and users; makes a certificate if none is configured.
   *
   * @param folder keeps what is made; empty: it is made again at each start
   * @param hosts where clients reach this server, for a certificate that is made
   * @throws IOException if the folder or the certificate cannot be used
   * @throws ConfigurationException if a configured file cannot be read
   */
  public static EdgeSecurity open(
      Options options, Optional<Path> folder, List<String> hosts, Instant now) throws IOException {
    var names = new LinkedHashSet<>(hosts);
    names.addAll(List.of("localhost", "127.0.0.1", "::1"));
    List<String> all = List.copyOf(names);
    ServerCertificate certificate;
    if (options.files().isPresent()) {
      CertificateFiles files = options.files().get();
      certificate = ServerCertificate.of(files.chain(), files.key());
    } else if (folder.isPresent()) {
      certificate = ServerCertificate.selfSigned(folder.get(), all, now);
    } else {
      certificate = ServerCertificate.fresh(all, now);
    }
    return new EdgeSecurity(
        TlsOrPlaintext.credentials(certificate),
        options.usersFile().map(Users::read).orElseGet(Users::none));
  }
}
