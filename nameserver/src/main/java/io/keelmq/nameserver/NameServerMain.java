package io.keelmq.nameserver;

import io.keelmq.common.ConfigurationException;
import io.keelmq.common.GrpcLog;
import io.keelmq.common.Metrics;
import io.keelmq.common.Settings;
import io.keelmq.common.Shutdown;
import io.keelmq.edge.EdgeSecurity;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The name server's process: {@code [--config FILE] [key=value ...]}. Exit codes: 0 after a signal,
 * 1 if it cannot start, 2 if it is configured badly.
 */
public final class NameServerMain {

  private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

  private NameServerMain() {}

  public static void main(String[] arguments) throws InterruptedException {
    if (List.of(arguments).contains("--help")) {
      System.out.print(
          "nameserver [--config FILE] [key=value ...]\n" + Settings.help(NameServerOptions.KEYS));
      return;
    }
    GrpcLog.warningsOnly();
    Logger log = LoggerFactory.getLogger(NameServerMain.class);
    var shutdown = new Shutdown();
    NameServerOptions options;
    EdgeSecurity security;
    try {
      Settings settings = Settings.parse(NameServerOptions.KEYS, arguments);
      options = NameServerOptions.from(settings);
      log.info("name server starting {}", settings.describe());
      security = security(options);
    } catch (ConfigurationException e) {
      log.error("bad configuration: {}", e.getMessage());
      shutdown.exit(2, "bad configuration");
      return;
    } catch (IOException e) {
      log.error("name server did not start: {}", e.getMessage());
      shutdown.exit(1, "did not start");
      return;
    }
    var nameServer =
        new NameServer(options, security, () -> System.nanoTime() / 1_000_000, new Metrics());
    shutdown.step("nameserver", STOP_WITHIN, nameServer::close);
    shutdown.onSignal();
    try {
      nameServer.start();
    } catch (IOException e) {
      if (!shutdown.hasBegun()) {
        log.error("name server did not start: {}", e.getMessage());
      }
      shutdown.exit(1, "did not start");
      return;
    }
    log.info(
        "name server ready listen={}:{} ops={}:{}",
        options.listen().host(),
        nameServer.port(),
        options.opsListen().host(),
        nameServer.opsPort());
    shutdown.awaitEnd();
  }

  /** A name server keeps nothing on disk, so a certificate that it makes lasts until its end. */
  private static EdgeSecurity security(NameServerOptions options) throws IOException {
    return EdgeSecurity.open(
        options.security(),
        Optional.empty(),
        List.of(options.listen().host()),
        InstantSource.system().instant());
  }
}
