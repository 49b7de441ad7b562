package io.keelmq.chaos;

import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A broker whose next start is to end at a failpoint, and whether it did. To be made before that
 * start. Immutable.
 */
final class ArmedBroker {

  private final LocalCluster cluster;
  private final Node node;
  private final Failpoint failpoint;
  private final int hit;
  private final Path log;
  private final long writtenBefore;

  /**
   * @param hit at which one since its start it dies, from 1
   */
  ArmedBroker(LocalCluster cluster, Node node, Failpoint failpoint, int hit) {
    this.hit = hit;
    this.cluster = cluster;
    this.node = node;
    this.failpoint = failpoint;
    this.log = cluster.logFile(node);
    this.writtenBefore = size(log);
  }

  /** For the JVM of that start. */
  List<String> jvmOptions() {
    return List.of("-D" + Failpoint.PROPERTY + "=" + failpoint + ":" + hit);
  }

  boolean isRunning() {
    return cluster.isRunning(node);
  }

  /** It says so in a line that it writes as its last. Any other end is none at the failpoint. */
  boolean saidSo() {
    return saysSo(log, writtenBefore, failpoint, hit);
  }

  /** Whether the line stands in a file behind so many bytes. */
  static boolean saysSo(Path log, long from, Failpoint failpoint, int hit) {
    try {
      byte[] all = Files.readAllBytes(log);
      return new String(all, (int) from, all.length - (int) from, StandardCharsets.UTF_8)
          .lines()
          .anyMatch(Failpoint.line(failpoint, hit)::equals);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + log, e);
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }
}
