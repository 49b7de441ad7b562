package io.keelmq.failpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArmedTest {

  private static Armed armed(String value) {
    return Armed.parse(Optional.of(value)).orElseThrow();
  }

  @Test
  void isNothingWithoutAProperty() {
    assertEquals(Optional.empty(), Armed.parse(Optional.empty()));
  }

  @Test
  void isDueAtTheHitThatWasAskedForAndOnce() {
    Armed third = armed("SEAL_RENAMED:3");

    assertFalse(third.isDue(Failpoint.SEAL_RENAMED));
    assertFalse(third.isDue(Failpoint.SEAL_FORCED));
    assertFalse(third.isDue(Failpoint.SEAL_RENAMED));
    assertTrue(third.isDue(Failpoint.SEAL_RENAMED));
    assertFalse(third.isDue(Failpoint.SEAL_RENAMED));
  }

  @Test
  void isDueAtTheFirstHitIfNoneIsNamed() {
    assertTrue(armed("SEAL_RENAMED").isDue(Failpoint.SEAL_RENAMED));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "SEAL_RENAMD", "SEAL_RENAMED:", "SEAL_RENAMED:0", "seal_renamed"})
  void refusesWhatItDoesNotUnderstand(String value) {
    assertThrows(IllegalArgumentException.class, () -> armed(value));
  }

  /** In this module's test folder, because a main of the module would be shipped. */
  public static final class Dying {
    private Dying() {}

    public static void main(String[] args) {
      Failpoint.SEAL_FORCED.hit();
      Failpoint.SEAL_RENAMED.hit();
      System.out.print("between, ");
      Failpoint.SEAL_RENAMED.hit();
      System.out.print("alive");
    }
  }

  @Test
  void endsTheProcessAndLeavesALine() throws Exception {
    Process child = dying("-D" + Failpoint.PROPERTY + "=SEAL_RENAMED:2");
    String out = text(child.getInputStream().readAllBytes());
    String err = text(child.getErrorStream().readAllBytes());

    assertEquals(Failpoint.EXIT_CODE, child.waitFor());
    assertEquals("FAILPOINT SEAL_RENAMED hit 2", err.strip());
    assertEquals("between, ", out);
  }

  @Test
  void leavesAProcessAloneThatIsNotArmed() throws Exception {
    Process child = dying("-Dnothing=armed");
    String out = text(child.getInputStream().readAllBytes());

    assertEquals(0, child.waitFor());
    assertEquals("between, alive", out);
  }

  private static Process dying(String option) throws IOException {
    return new ProcessBuilder(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                option,
                "-cp",
                String.join(File.pathSeparator, "target/classes", "target/test-classes"),
                Dying.class.getName()))
        .start();
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
