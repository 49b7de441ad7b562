package io.keelmq.client.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Runs command lines against a {@link FakeCluster} and keeps what they wrote. */
final class CommandLineRun {
  static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");

  final FakeCluster cluster = new FakeCluster();
  final Map<String, String> variables = new TreeMap<>();
  InputStream in = new ByteArrayInputStream(new byte[0]);
  OutputStream outStream;
  private ByteArrayOutputStream out;
  private ByteArrayOutputStream err;

  int run(String... args) {
    out = new ByteArrayOutputStream();
    err = new ByteArrayOutputStream();
    var console =
        new Console(
            in,
            new Output(outStream == null ? out : outStream),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            variables,
            false,
            false,
            () -> NOW,
            new Stop());
    return KeelmqCommand.run(console, cluster::connect, args);
  }

  CommandLineRun stdin(String text) {
    in = new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    return this;
  }

  String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  List<String> outLines() {
    return out().lines().toList();
  }

  List<String> errLines() {
    return err.toString(StandardCharsets.UTF_8).lines().toList();
  }
}
