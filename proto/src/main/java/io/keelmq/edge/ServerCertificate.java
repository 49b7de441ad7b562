package io.keelmq.edge;

import io.keelmq.common.ConfigurationException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;

/**
 * What a server shows to clients that begin with TLS. Immutable.
 *
 * @param chainPem certificates, the server's own first
 * @param keyPem its private key, PKCS #8
 * @param source for errors: where it is from
 */
public record ServerCertificate(String chainPem, String keyPem, String source) {

  static final String CHAIN_FILE = "server.crt";
  static final String KEY_FILE = "server.key";

  private static final long MAX_FILE_BYTES = 1 << 20;

  /**
   * Reads what an operator configured.
   *
   * @throws ConfigurationException naming the file that cannot be read
   */
  public static ServerCertificate of(Path chain, Path key) {
    try {
      return new ServerCertificate(read(chain), read(key), chain + " and " + key);
    } catch (IOException e) {
      throw new ConfigurationException(
          "tls.certificate=%s tls.key=%s: expected two readable PEM files: %s"
              .formatted(chain, key, e),
          e);
    }
  }

  /**
   * The self-signed one of a folder, which is made if it is not there. Its key can be read by the
   * owner of the process only. On disk on return, so that a server has the same one behind a power
   * loss.
   *
   * @param hosts names and addresses that it is for
   */
  public static ServerCertificate selfSigned(Path folder, List<String> hosts, Instant now)
      throws IOException {
    Path chain = folder.resolve(CHAIN_FILE);
    Path key = folder.resolve(KEY_FILE);
    // The certificate is written last: where it is, the key is too. Empty files are what a power
    // loss
    // left of those that earlier versions did not sync.
    if (isEmpty(chain) || isEmpty(key)) {
      ServerCertificate made = fresh(hosts, now);
      Files.createDirectories(folder);
      sync(folder.toAbsolutePath().getParent());
      write(key, made.keyPem(), "rw-------");
      write(chain, made.chainPem(), "rw-r--r--");
    }
    return new ServerCertificate(read(chain), read(key), chain + " and " + key);
  }

  /** A self-signed one that lives as long as the process. */
  public static ServerCertificate fresh(List<String> hosts, Instant now) {
    SelfSigned made = SelfSigned.make(hosts, now);
    return new ServerCertificate(
        made.certificatePem(), made.keyPem(), "the certificate made at the start");
  }

  /** Without the key. */
  @Override
  public String toString() {
    return source;
  }

  private static boolean isEmpty(Path file) throws IOException {
    return !Files.exists(file) || Files.size(file) == 0;
  }

  private static String read(Path file) throws IOException {
    if (Files.size(file) > MAX_FILE_BYTES) {
      throw new IOException(file + " has more than " + MAX_FILE_BYTES + " bytes");
    }
    return Files.readString(file);
  }

  /** Whole or not at all, a power loss included, and never for a moment with more rights. */
  private static void write(Path file, String text, String rights) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(draft);
    boolean posix = Files.getFileStore(file.getParent()).supportsFileAttributeView("posix");
    if (posix) {
      Files.createFile(
          draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(rights)));
    } else {
      Files.createFile(draft);
    }
    try (var channel = FileChannel.open(draft, StandardOpenOption.WRITE)) {
      var buffer = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(true);
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    sync(file.toAbsolutePath().getParent());
  }

  /** The names in a folder, where the system lets one do that. */
  private static void sync(Path folder) throws IOException {
    if (!Files.getFileStore(folder).supportsFileAttributeView("posix")) {
      return;
    }
    try (var channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
