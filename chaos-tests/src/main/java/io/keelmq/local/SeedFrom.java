package io.keelmq.local;

import io.keelmq.local.ClusterFailure.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/**
 * Lays sealed segments into the folder of a broker that has never run, so that it need not copy
 * them from its leader: of another broker, or of a folder such as a backup.
 */
final class SeedFrom {

  @Option(
      names = "--seed-from",
      paramLabel = "NODE|FOLDER",
      description =
          "Lay the sealed segments of this broker or backup into the new one's folder first.")
  private String source;

  /** If it was asked for. */
  void layInto(LocalCluster cluster, Node node) {
    if (source != null) {
      copy(cluster, source, node);
    }
  }

  /**
   * @param source a broker's name, or a folder in which segments lie, or a folder {@code log} with
   *     them
   */
  private static void copy(LocalCluster cluster, String source, Node to) {
    Path folder =
        cluster.brokers().stream()
            .filter(node -> node.id().equals(source))
            .map(cluster::dataDir)
            .findFirst()
            .orElseGet(() -> Path.of(source));
    Path segments = Files.isDirectory(folder.resolve("log")) ? folder.resolve("log") : folder;
    Path seeds = cluster.dataDir(to).resolve("seed");
    try {
      Files.createDirectories(seeds);
      for (Path segment : sealed(segments)) {
        Files.copy(segment, seeds.resolve(segment.getFileName()));
      }
    } catch (IOException e) {
      throw new ClusterFailure(
          Kind.FAILED, "no segments could be copied from %s to %s".formatted(segments, seeds), e);
    }
  }

  /** Those with a sidecar: the last one is still written to. */
  private static List<Path> sealed(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> found =
          files
              .filter(file -> file.toString().endsWith(".idx"))
              .map(file -> Path.of(file.toString().replaceAll("idx$", "seg")))
              .filter(Files::isRegularFile)
              .toList();
      if (found.isEmpty()) {
        throw new ClusterFailure(Kind.NOT_FOUND, "there is no sealed segment in " + folder);
      }
      return found;
    }
  }
}
