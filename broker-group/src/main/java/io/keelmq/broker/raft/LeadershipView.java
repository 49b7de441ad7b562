package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Leadership.Role;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Who leads, as this replica was last told by Raft. Read by any thread; written by the apply
 * thread, by the reply thread when the members' addresses changed, and by the timer, under the
 * lock, which guards what the next {@link Leadership} is made of. Nobody is called while it is
 * held.
 */
final class LeadershipView {

  private final PeerId self;
  private final Roster roster;
  private final Runnable onChange;

  private long term;
  private Optional<PeerId> leader = Optional.empty();
  private boolean votes;

  private volatile Leadership current;

  /**
   * @param votes whether this replica was a voter when it was stopped
   * @param onChange called on the writing thread after each change
   */
  LeadershipView(PeerId self, Roster roster, boolean votes, Runnable onChange) {
    this.self = self;
    this.roster = roster;
    this.votes = votes;
    this.onChange = onChange;
    this.current =
        new Leadership(votes ? Role.FOLLOWER : Role.LEARNER, 0, Optional.empty(), Optional.empty());
  }

  Leadership current() {
    return current;
  }

  void leads(long newTerm) {
    publish(newTerm, Optional.of(self));
  }

  void follows(PeerId newLeader, long newTerm) {
    publish(newTerm, Optional.of(newLeader.copy()));
  }

  void noLeader() {
    publish(current.term(), Optional.empty());
  }

  /**
   * Looks whom Raft follows. It tells the apply thread, too, which hears of it behind the entries
   * that it has to apply first; meanwhile calls would be passed on to a leader that is dead. That
   * this replica leads is never told here: it does when it has applied what was before.
   *
   * @param leaderOfRaft null while it knows none
   */
  void look(Supplier<PeerId> leaderOfRaft) {
    synchronized (this) {
      // Under the lock: what the apply thread is told afterwards must also be said afterwards.
      PeerId found = leaderOfRaft.get();
      if (found == null
          || found.isEmpty()
          || found.equals(self)
          || current.isLeader()
          || leader.filter(found::equals).isPresent()) {
        return;
      }
      leader = Optional.of(found.copy());
      current = now(false);
    }
    onChange.run();
  }

  /** A configuration was committed. */
  void configured(List<PeerId> voters) {
    synchronized (this) {
      votes = voters.contains(self);
    }
    refresh();
  }

  /** Members were added, removed or replaced: names and addresses are looked up again. */
  void refresh() {
    synchronized (this) {
      Leadership before = current;
      // Until Raft has told something there is nothing to look up.
      current = now(before.role() == Role.CANDIDATE);
      if (current.equals(before)) {
        return;
      }
    }
    onChange.run();
  }

  private void publish(long newTerm, Optional<PeerId> newLeader) {
    synchronized (this) {
      term = newTerm;
      leader = newLeader;
      current = now(leader.isEmpty());
    }
    onChange.run();
  }

  private Leadership now(boolean candidate) {
    Role role =
        leader.filter(self::equals).isPresent()
            ? Role.LEADER
            : !votes
                ? Role.LEARNER
                : candidate && leader.isEmpty() ? Role.CANDIDATE : Role.FOLLOWER;
    var member = leader.flatMap(roster::at);
    return new Leadership(
        role, term, member.map(found -> found.node()), member.map(found -> found.clientAddress()));
  }
}
