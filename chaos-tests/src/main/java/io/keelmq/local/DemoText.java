package io.keelmq.local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * A text that is on every machine with a JDK: the declarations of its own classes, one file a
 * class, one line for each class, field and method, as they are compiled into the JDK's modules.
 * The same JDK gives the same text. Immutable.
 */
final class DemoText {

  /** One file of the text. Its name is the key of its lines. */
  record TextFile(String name, List<String> lines) {}

  private final String source;
  private final List<TextFile> files;
  private final long lines;
  private final long bytes;

  private DemoText(String source, List<TextFile> files) {
    this.source = source;
    this.files = List.copyOf(files);
    this.lines = files.stream().mapToLong(file -> file.lines().size()).sum();
    this.bytes =
        files.stream()
            .flatMap(file -> file.lines().stream())
            .mapToLong(line -> line.getBytes(StandardCharsets.UTF_8).length)
            .sum();
  }

  /** Whole modules, java.base first, then by name, until there are {@code minLines}. */
  static DemoText ofThisJdk(long minLines) {
    var modules = new ArrayList<String>();
    var files = new ArrayList<TextFile>();
    long lines = 0;
    Path root = FileSystems.getFileSystem(URI.create("jrt:/")).getPath("/modules");
    try {
      for (Path module : modules(root)) {
        if (lines >= minLines) {
          break;
        }
        List<TextFile> more = classes(module);
        files.addAll(more);
        lines += more.stream().mapToLong(file -> file.lines().size()).sum();
        modules.add(module.getFileName().toString());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the JDK's modules", e);
    }
    if (lines < minLines) {
      throw new ClusterFailure(
          ClusterFailure.Kind.PRECONDITION,
          "this JDK's classes give "
              + lines
              + " lines, expected "
              + minLines
              + "; run it with a whole JDK or fewer --lines");
    }
    String first = modules.get(0);
    String source =
        "the declarations of all "
            + files.size()
            + " classes of "
            + (modules.size() == 1
                ? first
                : modules.size() == 2
                    ? first + " and " + modules.get(1)
                    : first + " and " + (modules.size() - 1) + " more modules")
            + " of JDK "
            + System.getProperty("java.version");
    return new DemoText(source, files);
  }

  /** Says in words what text it is. */
  String source() {
    return source;
  }

  List<TextFile> files() {
    return files;
  }

  long lines() {
    return lines;
  }

  /** Of the lines, without their ends. */
  long bytes() {
    return bytes;
  }

  String sha256() {
    MessageDigest digest = newDigest();
    for (TextFile file : files) {
      file.lines().forEach(line -> update(digest, line));
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  static MessageDigest newDigest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** The line and its end. */
  static void update(MessageDigest digest, String line) {
    digest.update(line.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) '\n');
  }

  private static List<Path> modules(Path root) throws IOException {
    var modules = new ArrayList<Path>();
    modules.add(root.resolve("java.base"));
    try (var all = Files.list(root)) {
      all.filter(module -> !module.endsWith("java.base"))
          .sorted((a, b) -> a.toString().compareTo(b.toString()))
          .forEach(modules::add);
    }
    return modules;
  }

  private static List<TextFile> classes(Path module) throws IOException {
    var paths = new ArrayList<Path>();
    try (var all = Files.walk(module)) {
      all.filter(path -> path.toString().endsWith(".class"))
          .sorted((a, b) -> a.toString().compareTo(b.toString()))
          .forEach(paths::add);
    }
    var files = new ArrayList<TextFile>();
    for (Path path : paths) {
      String name = module.getFileName() + "/" + module.relativize(path);
      files.add(new TextFile(name, ClassDeclarations.read(Files.readAllBytes(path))));
    }
    return files;
  }
}
