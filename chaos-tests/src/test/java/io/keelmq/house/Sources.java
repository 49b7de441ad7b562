package io.keelmq.house;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The project's own Java sources as lines. */
final class Sources {

  static final List<String> MODULES =
      List.of("proto", "raft-log", "broker-group", "nameserver", "client", "chaos-tests");

  /** A file, or a piece of one made up by a test. */
  record Source(String name, List<String> lines) {

    String packageName() {
      return lines.stream()
          .filter(line -> line.startsWith("package "))
          .map(line -> line.substring("package ".length(), line.indexOf(';')).strip())
          .findFirst()
          .orElseThrow(() -> new IllegalStateException(name + " has no package line"));
    }

    /** What is imported, static imports as the member's class. */
    List<String> imports() {
      var imports = new ArrayList<String>();
      for (String line : lines) {
        if (line.startsWith("import static ")) {
          String member = line.substring("import static ".length(), line.indexOf(';'));
          imports.add(member.substring(0, member.lastIndexOf('.')));
        } else if (line.startsWith("import ")) {
          imports.add(line.substring("import ".length(), line.indexOf(';')).strip());
        }
      }
      return imports;
    }
  }

  private Sources() {}

  /**
   * @param tree "src/main/java" or "src/test/java"
   */
  static List<Source> of(String tree) {
    var sources = new ArrayList<Source>();
    for (String module : MODULES) {
      Path root = projectRoot().resolve(module).resolve(tree);
      if (!Files.isDirectory(root)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(root)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
          sources.add(
              new Source(projectRoot().relativize(file).toString(), Files.readAllLines(file)));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return sources;
  }

  static Path projectRoot() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(folder.resolve(".mvn"))) {
      folder = folder.getParent();
      if (folder == null) {
        throw new IllegalStateException("run from inside the project: no .mvn folder above");
      }
    }
    return folder;
  }
}
