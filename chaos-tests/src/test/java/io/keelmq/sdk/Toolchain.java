package io.keelmq.sdk;

import io.keelmq.local.Node;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.opentest4j.AssertionFailedError;

/**
 * A language with its SDK: fetched from the language's registry into the build's folder, once.
 * Thread-safe.
 */
enum Toolchain {
  JAVA {
    @Override
    Optional<String> missing() {
      // Maven has put the SDK there; java itself runs this.
      return Files.isDirectory(folder())
          ? Optional.empty()
          : Optional.of("target/sdk/java: no SDK");
    }

    @Override
    void fetch() {}

    @Override
    List<String> program(Path source) {
      throw new IllegalStateException("needs a version: see java()");
    }

    @Override
    List<String> program(String name, String javaVersion) {
      String type = "Sdk" + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1);
      return java(javaVersion, folder().resolve(type + ".java"));
    }
  },

  NODE {
    @Override
    Optional<String> missing() {
      return Processes.answers("node", "--version") && Processes.answers("npm", "--version")
          ? Optional.empty()
          : Optional.of("node or npm is not installed");
    }

    @Override
    void fetch() throws IOException, InterruptedException {
      // The SDK's dependencies need no scripts of theirs.
      install("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock");
    }

    @Override
    List<String> program(Path source) {
      return List.of("node", source.toString());
    }
  },

  PYTHON {
    @Override
    Optional<String> missing() {
      return Processes.answers("python3", "-c", "import venv, ensurepip")
          ? Optional.empty()
          : Optional.of("python3 with venv is not installed");
    }

    @Override
    void fetch() throws IOException, InterruptedException {
      if (!Files.exists(python())) {
        install("python3", "-m", "venv", "venv");
      }
      install(
          python().toString(),
          "-m",
          "pip",
          "install",
          "-q",
          "--disable-pip-version-check",
          "-r",
          "requirements.txt");
    }

    @Override
    List<String> program(Path source) {
      return List.of(python().toString(), source.toString());
    }

    private Path python() {
      return folder().resolve("venv/bin/python");
    }
  },

  GO {
    @Override
    Optional<String> missing() {
      return Processes.answers("go", "version")
          ? Optional.empty()
          : Optional.of("go is not installed");
    }

    /** The build fetches what it needs, which is a part of what the SDK names. */
    @Override
    void fetch() {}

    @Override
    List<String> program(Path source) throws IOException, InterruptedException {
      Path binary = folder().resolve(source.getFileName().toString().replace(".go", ""));
      install("go", "build", "-o", binary.toString(), source.toString());
      return List.of(binary.toString());
    }
  };

  static final Path SOURCES = Path.of("src/test/sdk").toAbsolutePath();
  private static final Path BUILD = Path.of("target/sdk").toAbsolutePath();
  private static final Path TRUSTED = BUILD.resolve("trusted.pem");
  private static final Duration INSTALL_WITHIN = Duration.ofMinutes(5);

  private static final Set<Toolchain> PREPARED = ConcurrentHashMap.newKeySet();

  /** How the clients of the registries say that these do not answer, or do not have it. */
  private static final Pattern UNREACHABLE =
      Pattern.compile(
          "ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|npm (ERR!|error) code E[45]"
              + "|Could not find a version|No matching distribution|Max retries exceeded"
              + "|dial tcp|no such host|i/o timeout|connection refused|40[34] Forbidden|404 Not Found"
              + "|410 Gone|50[234] ");

  /** A registry does not give what it is asked for: no fault of what is tested. */
  static final class RegistryUnreachable extends IOException {
    private static final long serialVersionUID = 1L;

    RegistryUnreachable(Toolchain toolchain, String output) {
      super("the registry of " + toolchain.lowerCase() + " does not give the SDK: " + output);
    }
  }

  /** What is not there of the language itself. */
  abstract Optional<String> missing();

  abstract void fetch() throws IOException, InterruptedException;

  /** The command that runs a program, which is built if it has to be. */
  abstract List<String> program(Path source) throws IOException, InterruptedException;

  /**
   * The command that runs one of the programs of {@code src/test/sdk}.
   *
   * @param name scenarios or faults
   * @param javaVersion of Java's SDK; the others' sources say theirs
   */
  List<String> program(String name, String javaVersion) throws IOException, InterruptedException {
    String ending =
        switch (this) {
          case NODE -> ".js";
          case PYTHON -> ".py";
          case GO -> ".go";
          case JAVA -> ".java";
        };
    return program(folder().resolve(name + ending));
  }

  /** What its programs are given as the address of nodes. Node's SDK takes one only. */
  String accessPoint(List<Node> nodes) {
    return nodes.stream()
        .limit(this == NODE ? 1 : nodes.size())
        .map(node -> node.client().toString())
        .collect(Collectors.joining(";"));
  }

  /** The command that runs a Java program with one version of the SDK. */
  static List<String> java(String version, Path source) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        "-Duser.home=" + JAVA.home(),
        "-cp",
        JAVA.folder().resolve("rocketmq-client-java-" + version + ".jar").toString(),
        source.toString());
  }

  String lowerCase() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Where its SDK and its programs are. */
  Path folder() {
    return BUILD.resolve(lowerCase());
  }

  /** What its programs take for the user's home; SDKs log there. */
  Path home() {
    return BUILD.resolve("home");
  }

  /**
   * Certificates that programs trust from then on. Node's and Python's SDKs verify those of
   * servers, and these are the ways in which gRPC of both, and Node, are told of more.
   *
   * @param pem any number of them
   */
  static void trust(String pem) throws IOException {
    Files.createDirectories(BUILD);
    Files.writeString(TRUSTED, pem);
  }

  Map<String, String> environment() {
    var environment = new HashMap<String, String>();
    environment.put("HOME", home().toString());
    if (Files.exists(TRUSTED)) {
      environment.put("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", TRUSTED.toString());
      environment.put("NODE_EXTRA_CA_CERTS", TRUSTED.toString());
    }
    return environment;
  }

  /** Copies the programs and fetches the SDK, if that has not been done. */
  synchronized void prepare() throws IOException, InterruptedException {
    if (PREPARED.contains(this)) {
      return;
    }
    Files.createDirectories(folder());
    Files.createDirectories(home());
    // Another JVM with tests may be at it too.
    Path lock = BUILD.resolve(lowerCase() + ".lock");
    try (var channel =
        FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      // Until the channel is closed.
      channel.lock();
      copySources();
      fetch();
    }
    PREPARED.add(this);
  }

  private void copySources() throws IOException {
    try (Stream<Path> sources = Files.list(SOURCES.resolve(lowerCase()))) {
      for (Path source : sources.filter(Files::isRegularFile).toList()) {
        Path target = folder().resolve(source.getFileName());
        if (!Files.exists(target) || Files.mismatch(source, target) >= 0) {
          Files.copy(source, target, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  List<String> run(String name, Duration deadline, List<String> command, String... arguments)
      throws IOException, InterruptedException {
    var all = new ArrayList<>(command);
    all.addAll(List.of(arguments));
    return Processes.run(folder(), environment(), BUILD.resolve(name + ".log"), deadline, all);
  }

  /** With the user's own home, where registries' clients keep what they have fetched. */
  void install(String... command) throws IOException, InterruptedException {
    try {
      Processes.run(
          folder(),
          Map.of(),
          BUILD.resolve(lowerCase() + "-install.log"),
          INSTALL_WITHIN,
          List.of(command));
    } catch (AssertionFailedError e) {
      if (UNREACHABLE.matcher(e.getMessage()).find()) {
        throw new RegistryUnreachable(this, e.getMessage());
      }
      throw e;
    }
  }
}
