package io.keelmq.client.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;

/** The program {@code keelmq}: joins the command line to the process around it. */
public final class KeelmqMain {
  /** After a signal, for what is under way to be written and committed. */
  private static final Duration STOP_PATIENCE = Duration.ofSeconds(3);

  private KeelmqMain() {}

  public static void main(String[] args) {
    var stop = new Stop();
    // The streams of System would hide that a reader has gone, and flush after every line.
    var console =
        new Console(
            new FileInputStream(FileDescriptor.in),
            new Output(new FileOutputStream(FileDescriptor.out)),
            new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
            System.getenv(),
            Boolean.getBoolean("keelmq.terminal.out"),
            Boolean.getBoolean("keelmq.terminal.err"),
            InstantSource.system(),
            stop);
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> stop.request(STOP_PATIENCE), "keelmq-stop"));
    int exitCode = KeelmqCommand.run(console, ClientCluster::connect, args);
    stop.finished();
    System.exit(exitCode);
  }
}
