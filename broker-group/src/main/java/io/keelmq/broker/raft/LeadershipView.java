package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Leadership.Role;
import io.keelmq.broker.ReplicaControl.Member;
import java.util.Optional;

/** Who leads, as this replica was last told by Raft. Written by the apply thread, read by any. */
final class LeadershipView {

  private final ReplicaIdentity identity;
  private final Runnable onChange;
  private volatile Leadership current =
      new Leadership(Role.FOLLOWER, 0, Optional.empty(), Optional.empty());

  /**
   * @param onChange called on the apply thread after each change
   */
  LeadershipView(ReplicaIdentity identity, Runnable onChange) {
    this.identity = identity;
    this.onChange = onChange;
  }

  Leadership current() {
    return current;
  }

  void leads(long term) {
    publish(Role.LEADER, term, Optional.of(identity.self()));
  }

  void follows(PeerId leader, long term) {
    publish(Role.FOLLOWER, term, identity.member(leader));
  }

  void noLeader() {
    publish(Role.CANDIDATE, current.term(), Optional.empty());
  }

  private void publish(Role role, long term, Optional<Member> leader) {
    current =
        new Leadership(role, term, leader.map(Member::node), leader.map(Member::clientAddress));
    onChange.run();
  }
}
