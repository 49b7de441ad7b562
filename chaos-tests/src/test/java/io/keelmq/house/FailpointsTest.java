package io.keelmq.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.failpoint.Failpoint;
import io.keelmq.house.Sources.Source;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Every failpoint stands somewhere in the programs. That it is hit there, kills show. */
class FailpointsTest {

  @Test
  void everyNameStandsInTheProgramsOnce() {
    assertEquals(List.of(), misplaced(Sources.of("src/main/java")));
  }

  @Test
  void noticesANameThatStandsNowhereAndOneThatStandsTwice() {
    var names = new ArrayList<String>();
    for (Failpoint each : Failpoint.values()) {
      names.add("Failpoint." + each + ".hit();");
    }
    names.set(0, names.get(1));

    List<String> found = misplaced(List.of(source("raft-log/Planted.java", names)));

    assertEquals(
        List.of(
            Failpoint.APPEND_BEGUN + " stands in 0 places",
            Failpoint.APPEND_PARTLY_WRITTEN + " stands in 2 places"),
        found);
  }

  private static Source source(String name, List<String> lines) {
    return new Source(name, lines);
  }

  private static List<String> misplaced(List<Source> sources) {
    return Arrays.stream(Failpoint.values())
        .map(each -> new Place(each, count(each, sources)))
        .filter(place -> place.count() != 1)
        .map(place -> place.failpoint() + " stands in " + place.count() + " places")
        .toList();
  }

  private record Place(Failpoint failpoint, long count) {}

  /** The tools that kill name them too, and do not hit them. */
  private static long count(Failpoint failpoint, List<Source> sources) {
    Pattern named = Pattern.compile("Failpoint\\." + failpoint + "\\b");
    return sources.stream()
        .filter(source -> !source.name().startsWith("chaos-tests/"))
        .flatMap(source -> source.lines().stream())
        .filter(line -> named.matcher(line).find())
        .count();
  }
}
