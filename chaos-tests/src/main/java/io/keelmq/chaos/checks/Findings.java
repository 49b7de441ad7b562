package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.List;

/** What one check found wrong: all of it counted, the first few told. Owned by one thread. */
public final class Findings {

  private static final int MAX_EXAMPLES = 10;

  private final List<String> examples = new ArrayList<>();
  private long count;

  void add(String what) {
    count++;
    if (examples.size() < MAX_EXAMPLES) {
      examples.add(what);
    }
  }

  public long count() {
    return count;
  }

  public List<String> examples() {
    return List.copyOf(examples);
  }
}
