package io.keelmq.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.ConfigurationException;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerCertificateTest {

  private static final Instant NOW = Instant.parse("2026-11-26T04:00:00Z");
  private static final List<String> HOSTS =
      List.of("broker-1.example", "localhost", "127.0.0.1", "::1");

  @TempDir Path folder;

  @Test
  void signsItselfForItsHosts() throws Exception {
    X509Certificate certificate = parse(ServerCertificate.fresh(HOSTS, NOW));

    certificate.verify(certificate.getPublicKey());
    certificate.checkValidity(Date.from(NOW));
    certificate.checkValidity(Date.from(Instant.parse("2036-11-01T00:00:00Z")));
    assertEquals(3, certificate.getVersion());
    assertEquals(
        "CN=keelmq broker-1.example " + certificate.getSerialNumber().toString(16),
        certificate.getSubjectX500Principal().getName());
    assertEquals(
        Set.of("broker-1.example", "localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"),
        certificate.getSubjectAlternativeNames().stream()
            .map(name -> name.get(1).toString())
            .collect(Collectors.toSet()));
  }

  @Test
  void writesYearsBeyond2049() throws Exception {
    X509Certificate certificate =
        parse(ServerCertificate.fresh(HOSTS, Instant.parse("2045-01-01T00:00:00Z")));

    assertEquals(Instant.parse("2054-12-30T00:00:00Z"), certificate.getNotAfter().toInstant());
  }

  @Test
  void noTwoAreAlike() throws Exception {
    assertTrue(
        !parse(ServerCertificate.fresh(HOSTS, NOW))
            .getSerialNumber()
            .equals(parse(ServerCertificate.fresh(HOSTS, NOW)).getSerialNumber()));
  }

  @Test
  void isMadeOnceAndItsKeyKeptFromOthers() throws Exception {
    Path home = folder.resolve("tls");
    ServerCertificate first = ServerCertificate.selfSigned(home, HOSTS, NOW);

    ServerCertificate again = ServerCertificate.selfSigned(home, HOSTS, NOW);

    assertEquals(first.chainPem(), again.chainPem());
    assertEquals(first.keyPem(), again.keyPem());
    assertEquals(first.keyPem(), Files.readString(home.resolve("server.key")));
    assertEquals(
        "rw-------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(home.resolve("server.key"))));
  }

  @Test
  void isMadeAnewIfTheFirstTimeBrokeOff() throws Exception {
    Path home = folder.resolve("tls");
    ServerCertificate first = ServerCertificate.selfSigned(home, HOSTS, NOW);
    Files.delete(home.resolve("server.crt"));
    Files.createFile(home.resolve("server.crt.new"));

    ServerCertificate second = ServerCertificate.selfSigned(home, HOSTS, NOW);

    assertNotEquals(first.keyPem(), second.keyPem());
    TlsOrPlaintext.credentials(second);
  }

  /** What a power loss left of files that were not synced: their names. */
  @Test
  void isMadeAnewIfItsFilesAreEmpty() throws Exception {
    Path home = folder.resolve("tls");
    ServerCertificate first = ServerCertificate.selfSigned(home, HOSTS, NOW);
    Files.write(home.resolve("server.crt"), new byte[0]);
    Files.write(home.resolve("server.key"), new byte[0]);

    ServerCertificate second = ServerCertificate.selfSigned(home, HOSTS, NOW);

    assertNotEquals(first.keyPem(), second.keyPem());
    TlsOrPlaintext.credentials(second);
  }

  @Test
  void namesAFileThatIsNotThere() {
    String message =
        assertThrows(
                ConfigurationException.class,
                () -> ServerCertificate.of(folder.resolve("a.crt"), folder.resolve("a.key")))
            .getMessage();

    assertTrue(message.contains("a.crt") && message.contains("expected"), message);
  }

  private static X509Certificate parse(ServerCertificate certificate) throws Exception {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(
                new ByteArrayInputStream(
                    certificate.chainPem().getBytes(StandardCharsets.US_ASCII)));
  }
}
