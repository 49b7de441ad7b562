package io.keelmq.local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.UnaryOperator;

/**
 * A cluster for one measurement: on free ports in a temporary folder, which goes with it, at the
 * end of this JVM at the latest. Owned by one thread.
 */
public final class ScratchCluster implements AutoCloseable {

  private static final Duration GRACEFUL_STOP = Duration.ofSeconds(5);

  private final LocalCluster cluster;
  private final KillOnExit guard;

  private ScratchCluster(LocalCluster cluster) {
    this.cluster = cluster;
    this.guard = new KillOnExit(cluster, () -> ClusterFolder.delete(cluster.dir()));
  }

  /** Places the nodes; starts none of them. */
  public static ScratchCluster create(UnaryOperator<ClusterOptions> change) {
    try {
      Path folder = Files.createTempDirectory("keelmq-");
      var options =
          new ClusterOptions(folder, Distribution.find(), new PortPlan.Free(Seed.fresh().random()));
      return new ScratchCluster(LocalCluster.create(change.apply(options), new ClientBootstrap()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make a temporary folder", e);
    }
  }

  public LocalCluster cluster() {
    return cluster;
  }

  @Override
  public void close() {
    cluster.stop(GRACEFUL_STOP);
    ClusterFolder.delete(cluster.dir());
    guard.close();
  }
}
