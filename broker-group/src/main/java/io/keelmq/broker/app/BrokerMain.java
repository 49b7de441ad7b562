package io.keelmq.broker.app;

import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.common.ConfigurationException;
import io.keelmq.common.GrpcLog;
import io.keelmq.common.Settings;
import io.keelmq.common.Shutdown;
import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The broker's process: {@code [--config FILE] [key=value ...]}. Exit codes: 0 after a signal, 1 if
 * it cannot start or cannot go on, 2 if it is configured badly.
 */
public final class BrokerMain {

  /**
   * For tests: milliseconds that this broker's wall clock is ahead of the machine's, or behind it
   * if negative. Log time must not follow it faster than by a tenth, which nobody can see on one
   * machine otherwise.
   */
  public static final String CLOCK_OFFSET = "keelmq.test.clock.offset.millis";

  private BrokerMain() {}

  public static void main(String[] arguments) throws InterruptedException {
    if (List.of(arguments).contains("--help")) {
      System.out.print(
          "broker [--config FILE] [key=value ...]\n" + Settings.help(BrokerOptions.KEYS));
      return;
    }
    GrpcLog.warningsOnly();
    Logger log = LoggerFactory.getLogger(BrokerMain.class);
    var shutdown = new Shutdown();
    BrokerOptions options;
    try {
      Settings settings = Settings.parse(BrokerOptions.KEYS, arguments);
      options = BrokerOptions.of(settings, BrokerMain::diskBytes);
      log.info("broker starting {}", settings.describe());
    } catch (ConfigurationException e) {
      log.error("bad configuration: {}", e.getMessage());
      shutdown.exit(2, "bad configuration");
      return;
    }
    shutdown.onSignal();
    Failpoint.armed()
        .ifPresent(
            name -> log.warn("this process dies at a failpoint, as a test asked for, {}", name));
    var broker =
        new Broker(
            options,
            shutdown,
            wallClock(log),
            System::nanoTime,
            version(),
            TestDisk.fromProperties());
    try {
      broker.start();
    } catch (IOException | UnusableFolderException | RuntimeException e) {
      if (!shutdown.hasBegun()) {
        log.error("broker {} did not start: {}", options.node(), reason(e));
        log.debug("broker did not start", e);
      }
      shutdown.exit(1, "did not start");
      return;
    }
    shutdown.awaitEnd();
  }

  /** The folder may be made later only. */
  private static long diskBytes(Path folder) {
    Path there = folder;
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    try {
      return Files.getFileStore(there).getTotalSpace();
    } catch (IOException e) {
      throw new ConfigurationException(
          "data.dir=%s: the size of its disk cannot be read: %s".formatted(folder, e), e);
    }
  }

  private static InstantSource wallClock(Logger log) {
    long offsetMillis = Long.getLong(CLOCK_OFFSET, 0);
    if (offsetMillis == 0) {
      return InstantSource.system();
    }
    log.warn("the wall clock is wrong, as a test asked for, offset_millis={}", offsetMillis);
    return InstantSource.offset(InstantSource.system(), Duration.ofMillis(offsetMillis));
  }

  private static String reason(Exception failure) {
    return failure.getMessage() == null ? failure.toString() : failure.getMessage();
  }

  private static String version() {
    String version = BrokerMain.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }
}
