package io.keelmq.broker.raft;

import io.keelmq.broker.ReplicaControl.Peer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Notices, on the leader, which peer has stopped and which has begun to answer, once each, where
 * JRaft would write a line for every call. Owned by the timer; a new leader begins anew.
 */
final class PeerWatch {

  /** So many looks in a row, lest a short pause of a peer be told. */
  static final int MISSES = 3;

  private final Consumer<String> lost;
  private final Consumer<String> back;
  private final Map<String, Integer> misses = new HashMap<>();

  PeerWatch(Consumer<String> lost, Consumer<String> back) {
    this.lost = lost;
    this.back = back;
  }

  /**
   * Looks once.
   *
   * @param peers empty on a replica that does not lead
   */
  void look(List<Peer> peers) {
    misses.keySet().retainAll(peers.stream().map(Peer::peerId).toList());
    for (Peer peer : peers) {
      int missed = misses.getOrDefault(peer.peerId(), 0);
      if (peer.alive()) {
        misses.remove(peer.peerId());
        if (missed == MISSES) {
          back.accept(peer.peerId());
        }
      } else if (missed < MISSES) {
        misses.put(peer.peerId(), missed + 1);
        if (missed + 1 == MISSES) {
          lost.accept(peer.peerId());
        }
      }
    }
  }
}
