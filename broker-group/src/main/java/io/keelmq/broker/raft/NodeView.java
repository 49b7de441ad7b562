package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.ReplicaControl.Peer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the running Raft node tells of itself and its peers. Thread-safe.
 *
 * <p>A node refuses to tell anything once it is in its error state or ending; then its numbers are
 * the last ones known.
 */
final class NodeView implements SnapshotTrigger.Raft {

  private static final Logger LOG = LoggerFactory.getLogger(NodeView.class);

  private final PeerId self;
  private final Supplier<Node> node;
  private volatile long committed;
  private volatile long applied;

  /**
   * @param node throws {@link IllegalStateException} while there is none
   */
  NodeView(PeerId self, Supplier<Node> node) {
    this.self = self;
    this.node = node;
  }

  /** How far the group is known here to have stored entries. */
  long committedIndex() {
    long index = read(Node::getLastCommittedIndex, committed);
    committed = index;
    return index;
  }

  /** JRaft's own count, which has its configuration entries too. */
  @Override
  public long appliedIndex() {
    long index = read(Node::getLastAppliedLogIndex, applied);
    applied = index;
    return index;
  }

  @Override
  public void snapshot(Closure done) {
    node.get().snapshot(done);
  }

  /**
   * Waits until a node that was shut down has ended, or for so long: one whose disk hangs never
   * does.
   */
  void awaitEnd(long millis) throws InterruptedException {
    var joining = new Thread(this::join, "raft-join");
    joining.setDaemon(true);
    joining.start();
    joining.join(millis);
    if (joining.isAlive()) {
      LOG.warn("Raft has not ended after {} ms; going on without it", millis);
    }
  }

  private void join() {
    try {
      node.get().join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private long read(ToLongFunction<Node> gauge, long last) {
    try {
      return gauge.applyAsLong(node.get());
    } catch (IllegalStateException e) {
      LOG.debug("not active", e);
      return last;
    }
  }

  /**
   * On the leader, the others and whether they answer; how far they are JRaft does not tell. Nobody
   * on other replicas.
   */
  List<Peer> peers() {
    try {
      Node leader = node.get();
      Set<PeerId> alive = new HashSet<>(leader.listAlivePeers());
      alive.addAll(leader.listAliveLearners());
      return Stream.concat(leader.listPeers().stream(), leader.listLearners().stream())
          .filter(peer -> !peer.equals(self))
          .map(peer -> new Peer(peer.toString(), 0, alive.contains(peer)))
          .toList();
    } catch (IllegalStateException e) {
      // It stopped leading in between.
      return List.of();
    }
  }
}
