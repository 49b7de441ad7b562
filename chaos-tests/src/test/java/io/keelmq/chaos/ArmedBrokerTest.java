package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArmedBrokerTest {

  private static final Failpoint WANTED = Failpoint.TRUNCATE_CUT;

  @TempDir Path folder;

  @Test
  void countsTheLineOfThisStartAlone() throws IOException {
    Path log = folder.resolve("n1.log");
    Files.writeString(log, Failpoint.line(WANTED, 1) + "\n");
    long before = Files.size(log);

    assertFalse(ArmedBroker.saysSo(log, before, WANTED, 1), "it is of an earlier start");
    Files.writeString(log, Files.readString(log) + "started\n" + Failpoint.line(WANTED, 1) + "\n");
    assertTrue(ArmedBroker.saysSo(log, before, WANTED, 1));
    assertFalse(ArmedBroker.saysSo(log, before, WANTED, 2), "at its second hit");
  }

  @Test
  void countsNoOtherEnd() throws IOException {
    Path log = folder.resolve("n1.log");
    Files.writeString(
        log,
        "this process dies at a failpoint, as a test asked for, %s\n%s\n%s\nkilled\n"
            .formatted(
                WANTED,
                Failpoint.line(WANTED, 2),
                Failpoint.line(Failpoint.TRUNCATE_CUT_FORCED, 1)));

    assertFalse(ArmedBroker.saysSo(log, 0, WANTED, 1));
  }
}
