package io.keelmq.local;

import io.keelmq.client.Admin;
import io.keelmq.client.Replacement;
import io.keelmq.client.RequestRejected;
import io.keelmq.local.ClusterFailure.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Puts one more broker of this machine in the place of another one. Which one stands in a file,
 * {@code replacing.NODE}, from before it is made until all is done: whoever is interrupted begins
 * again with the same. For one thread.
 */
public final class LocalReplacement {

  private static final long PAUSE_NANOS = 200_000_000;
  private static final Duration GRACEFUL = Duration.ofSeconds(10);

  private final LocalCluster cluster;
  private final Admin admin;
  private final String group;

  public LocalReplacement(LocalCluster cluster, Admin admin, String group) {
    this.cluster = cluster;
    this.admin = admin;
    this.group = group;
  }

  /**
   * @param prepare what is done with the new broker before it starts for the first time
   * @return the new broker
   * @throws RequestRejected if the group refuses; a broker that is no member goes again
   */
  public Node run(Node leaving, Duration limit, Consumer<Node> prepare, Consumer<String> progress) {
    if (!leaving.isBroker()) {
      throw new ClusterFailure(
          Kind.USAGE, leaving.id() + " is a name server: only brokers are members of a group");
    }
    Node coming = begin(leaving, prepare);
    if (!cluster.isRunning(coming)) {
      cluster.startNode(coming);
    }
    var wish =
        new Replacement.Wish(
            leaving.id(), coming.id(), coming.raft().toString(), coming.client().toString());
    var replacement =
        new Replacement(admin.replacing(group), wish, System::nanoTime, LocalReplacement::pause);
    try {
      replacement.run(limit, progress);
    } catch (RequestRejected e) {
      undoUnlessMember(leaving, coming);
      throw e;
    }
    cluster.removeNode(leaving, GRACEFUL);
    end(leaving);
    return coming;
  }

  private static void pause() {
    LockSupport.parkNanos(PAUSE_NANOS);
  }

  /** The broker that is to come, made now unless an earlier attempt has made it. */
  private Node begin(Node leaving, Consumer<Node> prepare) {
    Optional<Node> begun = begun(leaving);
    if (begun.isPresent()) {
      return begun.get();
    }
    String id = cluster.nextNode();
    try {
      Files.writeString(mark(leaving), id);
    } catch (IOException e) {
      throw new ClusterFailure(Kind.FAILED, "cannot write " + mark(leaving), e);
    }
    Node coming = cluster.addNode();
    if (!coming.id().equals(id)) {
      throw new ClusterFailure(
          Kind.PRECONDITION, "another command has added " + id + " just now: run this again");
    }
    prepare.accept(coming);
    return coming;
  }

  private Optional<Node> begun(Node leaving) {
    Path mark = mark(leaving);
    if (!Files.exists(mark)) {
      return Optional.empty();
    }
    try {
      String id = Files.readString(mark);
      return cluster.brokers().stream().filter(node -> node.id().equals(id)).findFirst();
    } catch (IOException e) {
      throw new ClusterFailure(Kind.FAILED, "cannot read " + mark, e);
    }
  }

  private void undoUnlessMember(Node leaving, Node coming) {
    boolean member =
        admin.replicas(group).stream().anyMatch(one -> one.getNode().equals(coming.id()));
    if (!member) {
      cluster.removeNode(coming, Duration.ZERO);
      end(leaving);
    }
  }

  private void end(Node leaving) {
    try {
      Files.deleteIfExists(mark(leaving));
    } catch (IOException e) {
      throw new ClusterFailure(Kind.FAILED, "cannot delete " + mark(leaving), e);
    }
  }

  private Path mark(Node leaving) {
    return cluster.dir().resolve("replacing." + leaving.id());
  }
}
