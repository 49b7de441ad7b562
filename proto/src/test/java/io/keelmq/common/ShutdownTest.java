package io.keelmq.common;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ShutdownTest {

  private static final Duration LONG = Duration.ofSeconds(30);

  private final List<String> ran = new CopyOnWriteArrayList<>();
  private final List<Integer> halts = new CopyOnWriteArrayList<>();
  private final Shutdown shutdown = new Shutdown(halts::add, LONG);

  @Test
  void runsStepsInOrderThenHaltsWithTheCode() {
    shutdown.step("first", LONG, () -> ran.add("first"));
    shutdown.step("second", LONG, () -> ran.add("second"));

    shutdown.exit(1, "test");

    assertEquals(List.of("first", "second"), ran);
    assertEquals(List.of(1), halts);
    assertTrue(shutdown.hasBegun());
  }

  @Test
  void unwindsWithoutEndingAndTakesStepsAnew() {
    shutdown.step("first", LONG, () -> ran.add("first"));

    assertTrue(shutdown.unwind());
    shutdown.step("second", LONG, () -> ran.add("second"));
    shutdown.exit(0, "test");

    assertEquals(List.of("first", "second"), ran);
    assertEquals(List.of(0), halts);
  }

  @Test
  void tellsWhenAStepHeldOnWhileUnwinding() {
    var never = new CountDownLatch(1);
    shutdown.step("hangs", Duration.ofMillis(20), never::await);

    assertFalse(shutdown.unwind());
    assertFalse(shutdown.hasBegun());
  }

  @Test
  void runsOnceWhoeverCallsAndKeepsTheFirstCode() {
    shutdown.step("only", LONG, () -> ran.add("only"));

    shutdown.exit(1, "first");
    shutdown.exit(2, "second");

    assertEquals(List.of("only"), ran);
    assertEquals(List.of(1), halts);
  }

  @Test
  void goesOnAfterAFailedStep() {
    shutdown.step(
        "bad",
        LONG,
        () -> {
          throw new IOException("planted");
        });
    shutdown.step("good", LONG, () -> ran.add("good"));

    shutdown.exit(0, "test");

    assertEquals(List.of("good"), ran);
  }

  @Test
  void leavesAHangingStepBehindAndInterruptsIt() {
    var never = new CountDownLatch(1);
    shutdown.step(
        "hangs",
        Duration.ofMillis(20),
        () -> {
          try {
            never.await();
          } catch (InterruptedException e) {
            ran.add("interrupted");
          }
        });
    shutdown.step("next", LONG, () -> ran.add("next"));

    shutdown.exit(0, "test");

    assertTrue(ran.contains("next"));
    assertEquals(List.of(0), halts);
    await().atMost(LONG).until(() -> ran.contains("interrupted"));
  }

  @Test
  void exitLaterReturnsToAStepThatAsksForIt() {
    shutdown.step("asks", LONG, () -> shutdown.exitLater(3, "again"));

    shutdown.exitLater(1, "test");

    await().atMost(LONG).until(() -> !halts.isEmpty());
    assertEquals(List.of(1), halts);
  }

  /**
   * Goal: an ending that hangs outside of all steps still ends. Method: output that never flushes.
   */
  @Test
  void fallbackHaltsWhenTheEndingItselfHangs() {
    var never = new CountDownLatch(1);
    var hangs =
        new PrintStream(OutputStream.nullOutputStream()) {
          @Override
          public void flush() {
            try {
              never.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
        };
    PrintStream before = System.out;
    try {
      System.setOut(hangs);

      new Shutdown(halts::add, Duration.ofMillis(20)).exitLater(4, "test");

      await().atMost(LONG).until(() -> halts.equals(List.of(4)));
    } finally {
      System.setOut(before);
      never.countDown();
    }
  }

  /** Goal: a real process ends with 0 after SIGTERM, its steps run. Method: a child JVM. */
  @Test
  void sigtermRunsTheStepsAndEndsWithZero() throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName())
            .redirectErrorStream(true)
            .start();
    try (var lines =
        new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
      String line = lines.readLine();
      while (line != null && !line.equals("started")) {
        line = lines.readLine();
      }
      assertEquals("started", line);

      // Process.destroy would close the pipe that the child's last words come through.
      child.toHandle().destroy();

      var rest = lines.lines().toList();
      assertTrue(rest.contains("step ran"), rest::toString);
      assertTrue(child.waitFor(30, TimeUnit.SECONDS));
      assertEquals(0, child.exitValue());
    } finally {
      child.destroyForcibly();
    }
  }

  /** The child of the test above. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws InterruptedException {
      var shutdown = new Shutdown();
      shutdown.step("print", LONG, () -> System.out.println("step ran"));
      shutdown.onSignal();
      System.out.println("started");
      shutdown.awaitEnd();
    }
  }
}
