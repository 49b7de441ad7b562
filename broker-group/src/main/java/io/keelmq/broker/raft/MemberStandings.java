package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Membership.Phase;
import io.keelmq.broker.Membership.Standing;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.state.Members.Seat;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What each node is to the group, for whoever asks the leader. Stateless. */
final class MemberStandings {

  private MemberStandings() {}

  static List<Standing> of(
      List<Seat> seats, Set<PeerId> learners, Set<PeerId> alive, ReplicaWords words) {
    var standings = new ArrayList<Standing>();
    for (Seat seat : seats) {
      PeerId joining = MembershipPlanner.peer(seat, seat.joining());
      boolean answers =
          alive.contains(joining) || alive.contains(MembershipPlanner.peer(seat, seat.voting()));
      standings.add(
          new Standing(
              new Member(seat.node(), seat.raftAddress(), seat.voting(), seat.clientAddress()),
              phase(seat, learners.contains(joining)),
              seat.joining(),
              answers,
              words.durableIndex(seat.node(), seat.joining()),
              seat.staysLearner()));
    }
    return standings;
  }

  /** Of a group whose members have never changed. */
  static List<Standing> ofFounders(List<Member> voters, Set<PeerId> alive) {
    var standings = new ArrayList<Standing>();
    for (Member member : voters) {
      boolean answers = alive.contains(ReplicaIdentity.peerId(member));
      standings.add(new Standing(member, Phase.VOTER, 0, answers, 0, false));
    }
    return standings;
  }

  private static Phase phase(Seat seat, boolean learns) {
    if (seat.leaving()) {
      return Phase.LEAVING;
    }
    if (seat.joining() != 0) {
      return learns ? Phase.CATCHING_UP : Phase.JOINING;
    }
    return seat.voting() != 0 ? Phase.VOTER : Phase.ANNOUNCED;
  }
}
