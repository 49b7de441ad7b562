package io.keelmq.nameserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The process: ready line, exit codes, one clear line for what is wrong. */
class NameServerMainTest {

  @Test
  void saysWhenItIsReadyAndEndsWithZeroAfterSigterm() throws Exception {
    Process process = start("listen=127.0.0.1:0", "ops.listen=127.0.0.1:0");
    try (BufferedReader lines = process.inputReader()) {
      String line = lines.readLine();
      while (line != null && !line.contains("name server ready")) {
        line = lines.readLine();
      }
      assertTrue(line != null && line.matches(".*listen=127.0.0.1:[1-9]\\d* .*"), line);

      // Process.destroy would close the pipe that the last lines come through.
      process.toHandle().destroy();

      assertEquals(0, exitCode(process));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void takenPortIsOneClearLineAndExitCodeOne() throws Exception {
    try (var taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      String address = "127.0.0.1:" + taken.getLocalPort();

      Process process = start("listen=" + address, "ops.listen=127.0.0.1:0");

      String errors = onlyError(process);
      assertEquals(1, exitCode(process));
      assertTrue(errors.contains(address) && errors.contains("stop what uses"), errors);
    }
  }

  @Test
  void badConfigurationIsOneClearLineAndExitCodeTwo() throws Exception {
    Process process = start("warm.up=soon");

    String error = onlyError(process);

    assertEquals(2, exitCode(process));
    assertTrue(error.contains("warm.up=soon") && error.contains("500ms"), error);
  }

  @Test
  void samePortTwiceIsBadConfiguration() throws Exception {
    Process process = start("listen=127.0.0.1:9", "ops.listen=127.0.0.1:9");

    String error = onlyError(process);

    assertEquals(2, exitCode(process));
    assertTrue(error.contains("ops.listen"), error);
  }

  private static String onlyError(Process process) throws IOException {
    try (BufferedReader lines = process.inputReader()) {
      var errors = lines.lines().filter(line -> line.contains("ERROR")).toList();
      assertEquals(1, errors.size(), errors::toString);
      return errors.get(0);
    }
  }

  private static int exitCode(Process process) throws InterruptedException {
    try {
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  private static Process start(String... arguments) throws IOException {
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                NameServerMain.class.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }
}
