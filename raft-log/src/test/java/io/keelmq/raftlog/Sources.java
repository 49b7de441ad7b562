package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** This module's own source files, for tests that read them. */
record Sources(List<Path> files) {

  static Sources main() throws IOException {
    return under("src/main/java");
  }

  static Sources all() throws IOException {
    return under("src");
  }

  List<String> filesWith(Predicate<String> line) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : files) {
      try (var lines = Files.lines(file)) {
        if (lines.anyMatch(line)) {
          found.add(file.getFileName().toString());
        }
      }
    }
    return found;
  }

  List<String> longerThan(int most) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : files) {
      if (Files.readAllLines(file).size() > most) {
        found.add(file.getFileName().toString());
      }
    }
    return found;
  }

  private static Sources under(String folder) throws IOException {
    try (var paths = Files.walk(Path.of(folder))) {
      return new Sources(paths.filter(path -> path.toString().endsWith(".java")).sorted().toList());
    }
  }
}
