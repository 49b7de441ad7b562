package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.state.StateView;
import io.keelmq.common.HostPort;
import java.util.List;
import java.util.Optional;

/**
 * Who the members of the group are, as this replica has applied it. Thread-safe; keeps nothing.
 *
 * <p>The members stand in the state's rows from their first change on. Before that, and for those
 * that this replica has not applied yet, the plan in its identity says who they are.
 */
final class Roster {

  private final ReplicaIdentity identity;
  private final StateView state;

  Roster(ReplicaIdentity identity, StateView state) {
    this.identity = identity;
    this.state = state;
  }

  /** Whose Raft address it is: that does not change with the incarnation. */
  Optional<Member> at(PeerId peer) {
    String address = new HostPort(peer.getIp(), peer.getPort()).toString();
    return voters().stream()
        .filter(member -> member.raftAddress().equals(address))
        .findFirst()
        .or(
            () ->
                identity.plan().members().stream()
                    .filter(member -> member.raftAddress().equals(address))
                    .findFirst());
  }

  Optional<Member> voter(String node) {
    return voters().stream().filter(member -> member.node().equals(node)).findFirst();
  }

  /** Those who vote, each with the incarnation that does. */
  List<Member> voters() {
    return identity.plan().voters(state.members());
  }
}
