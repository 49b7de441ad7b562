package io.keelmq.local;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The built programs: a folder with {@code lib/*.jar} and {@code conf/*.jvm}. Immutable.
 *
 * <p>Looked for at the system property {@code keelmq.home}, the environment variable {@code
 * KEELMQ_HOME}, then where the build of a checkout leaves it.
 */
public record Distribution(Path home) {

  private static final List<String> BUILT_AT =
      List.of("chaos-tests/target/keelmq", "target/keelmq");

  public static Distribution find() {
    String named = System.getProperty("keelmq.home", System.getenv("KEELMQ_HOME"));
    if (named != null && !named.isBlank()) {
      return at(Path.of(named));
    }
    for (String place : BUILT_AT) {
      if (Files.isDirectory(Path.of(place, "lib"))) {
        return at(Path.of(place));
      }
    }
    throw notBuilt(Path.of(BUILT_AT.get(0)));
  }

  public static Distribution at(Path home) {
    Path absolute = home.toAbsolutePath().normalize();
    if (!Files.isDirectory(absolute.resolve("lib"))) {
      throw notBuilt(absolute);
    }
    return new Distribution(absolute);
  }

  /** The java command up to and with the main class, of a client or a tool. */
  public List<String> javaCommand(Class<?> mainClass, List<String> jvmOptions) {
    return javaCommand(mainClass.getName(), jvmOptions, List.of());
  }

  /** The java command up to and with the main class, for a JVM like the one that asks. */
  List<String> javaCommand(Node.Role role, List<String> jvmOptions, List<Path> extraClassPath) {
    var all = new ArrayList<String>();
    Path options = home.resolve("conf").resolve(role.jvmFile());
    if (Files.isRegularFile(options)) {
      all.add("@" + options);
    }
    all.addAll(jvmOptions);
    return javaCommand(role.mainClass(), all, extraClassPath);
  }

  private List<String> javaCommand(
      String mainClass, List<String> jvmOptions, List<Path> extraClassPath) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    if (Runtime.version().feature() >= 24) {
      // RocksDB and netty load native code and use Unsafe; from 24 on the JVM warns otherwise.
      command.add("--enable-native-access=ALL-UNNAMED");
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    command.addAll(jvmOptions);
    command.add("-cp");
    var classPath = new StringBuilder();
    for (Path extra : extraClassPath) {
      classPath.append(extra.toAbsolutePath()).append(File.pathSeparatorChar);
    }
    command.add(classPath.append(home.resolve("lib")).append("/*").toString());
    command.add(mainClass);
    return command;
  }

  /** True if the jars are there, so that starting a node can work at all. */
  boolean hasJars() {
    try (var files = Files.list(home.resolve("lib"))) {
      return files.anyMatch(file -> file.toString().endsWith(".jar"));
    } catch (IOException e) {
      return false;
    }
  }

  private static ClusterFailure notBuilt(Path place) {
    return new ClusterFailure(
        ClusterFailure.Kind.PRECONDITION,
        "KeelMQ is not built: there is no "
            + place.resolve("lib")
            + "; run `mvn -DskipTests package` in the checkout, or name the distribution's folder"
            + " in KEELMQ_HOME");
  }
}
