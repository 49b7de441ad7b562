package io.keelmq.local;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.local.DemoText.TextFile;
import org.junit.jupiter.api.Test;

class DemoTextTest {

  private static final DemoText TEXT = DemoText.ofThisJdk(10_000);

  @Test
  void isTheSameTextEveryTime() {
    assertEquals(TEXT.sha256(), DemoText.ofThisJdk(10_000).sha256());
  }

  @Test
  void hasTheLinesThatWereAskedForAndReadsLikeJava() {
    TextFile file =
        TEXT.files().stream()
            .filter(each -> each.name().equals("java.base/java/lang/Runnable.class"))
            .findFirst()
            .orElseThrow();

    assertTrue(TEXT.lines() >= 10_000, "lines " + TEXT.lines());
    assertEquals("public abstract interface java.lang.Runnable", file.lines().get(0));
    assertEquals("  public abstract void run();", file.lines().get(1));
  }

  @Test
  void assemblyOfAllLinesHasTheSameDigestAndNothingToComplainAbout() {
    var assembly = new DemoAssembly(TEXT);
    for (TextFile file : TEXT.files()) {
      for (int i = 0; i < file.lines().size(); i++) {
        assembly.add(file.name(), i, file.lines().get(i));
      }
    }

    assertEquals(TEXT.sha256(), assembly.sha256());
    assertEquals(TEXT.lines(), assembly.received());
    assertEquals(0, assembly.lost() + assembly.duplicated() + assembly.outOfOrder());
  }

  @Test
  void assemblyCountsWhatIsWrong() {
    TextFile file =
        TEXT.files().stream().filter(each -> each.lines().size() > 4).findFirst().orElseThrow();
    var assembly = new DemoAssembly(TEXT);

    assembly.add(file.name(), 2, file.lines().get(2));
    assembly.add(file.name(), 1, file.lines().get(1));
    assembly.add(file.name(), 1, file.lines().get(1));
    assembly.add("no such file", 0, "");
    assembly.add(file.name(), 100_000, "");

    assertEquals(1, assembly.outOfOrder());
    assertEquals(1, assembly.duplicated());
    assertEquals(2, assembly.foreign());
    assertEquals(TEXT.lines() - 2, assembly.lost());
    assertNotEquals(TEXT.sha256(), assembly.sha256());
  }
}
