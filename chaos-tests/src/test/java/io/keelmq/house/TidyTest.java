package io.keelmq.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.house.Sources.Source;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Words that have no place in the programs, or only in the files named here. */
class TidyTest {

  /** A file longer than this is two. */
  private static final int MAX_LINES = 450;

  /** What is banned, and the files that have a reason to say it. */
  private static final Map<String, Set<String>> BANNED =
      new TreeMap<>(
          Map.of(
              "System.currentTimeMillis(", Set.of(),
              "new Random(", Set.of("Seed.java"),
              "Thread.sleep(", Set.of(),
              // Only under --debug.
              "printStackTrace(", Set.of("KeelmqCommand.java"),
              "ObjectInputStream", Set.of(),
              "System.exit(", Set.of("LocalProgram.java", "KeelmqMain.java"),
              "Thread.stop(", Set.of(),
              ".get().get()", Set.of()));

  @Test
  void programsHoldNoBannedWord() {
    var found = new ArrayList<String>();
    for (Source source : Sources.of("src/main/java")) {
      found.addAll(banned(source));
    }

    assertEquals(List.of(), found);
  }

  @Test
  void testsDoNotSleep() {
    var found = new ArrayList<String>();
    for (Source source : Sources.of("src/test/java")) {
      if (!source.name().contains("/house/")) {
        found.addAll(lines(source, "Thread.sleep("));
      }
    }

    assertEquals(List.of(), found, "wait for a condition instead");
  }

  @Test
  void noFileIsTooLong() {
    var tooLong = new ArrayList<String>();
    for (String tree : List.of("src/main/java", "src/test/java")) {
      for (Source source : Sources.of(tree)) {
        if (source.lines().size() > MAX_LINES) {
          tooLong.add(source.name() + ": " + source.lines().size() + " lines");
        }
      }
    }

    assertEquals(List.of(), tooLong);
  }

  @Test
  void everyPackageSaysWhatItIs() {
    var silent = new ArrayList<String>();
    Set<String> told =
        Sources.of("src/main/java").stream()
            .filter(source -> source.name().endsWith("package-info.java"))
            .map(Source::packageName)
            .collect(java.util.stream.Collectors.toSet());
    for (Source source : Sources.of("src/main/java")) {
      if (!told.contains(source.packageName())) {
        silent.add(source.name());
      }
    }

    assertEquals(List.of(), silent, "add a package-info.java");
  }

  @Test
  void noticesAPlantedWord() {
    var planted =
        new Source("Planted.java", List.of("package x;", "long t = System.currentTimeMillis();"));

    assertEquals(1, banned(planted).size());
    assertEquals(
        0, banned(new Source("Planted.java", List.of("  // never Thread.sleep(1)"))).size());
  }

  private static List<String> banned(Source source) {
    var found = new ArrayList<String>();
    BANNED.forEach(
        (word, allowed) -> {
          if (allowed.stream().noneMatch(name -> source.name().endsWith("/" + name))) {
            found.addAll(lines(source, word));
          }
        });
    return found;
  }

  private static List<String> lines(Source source, String word) {
    var found = new ArrayList<String>();
    for (int i = 0; i < source.lines().size(); i++) {
      String line = source.lines().get(i);
      String code = line.strip();
      boolean comment = code.startsWith("*") || code.startsWith("//") || code.startsWith("/*");
      if (!comment && line.contains(word)) {
        found.add(source.name() + ":" + (i + 1) + ": " + code);
      }
    }
    return found;
  }
}
