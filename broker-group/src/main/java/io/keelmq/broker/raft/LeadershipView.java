package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Leadership.Role;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who leads, as this replica was last told by Raft. Read by any thread; written by the apply
 * thread, by the reply thread when the members' addresses changed, and by {@link LeaderLook}, under
 * the lock, which guards what the next {@link Leadership} is made of. Nobody is called while it is
 * held.
 */
final class LeadershipView {

  private static final Logger LOG = LoggerFactory.getLogger(LeadershipView.class);

  private final PeerId self;
  private final Roster roster;
  private final Runnable onChange;

  private long term;
  private Optional<PeerId> leader = Optional.empty();
  private boolean votes;

  private long version;

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

  /** This replica leads no more. */
  void noLongerItself() {
    noLonger(self);
  }

  /** Somebody leads no more; another one may be known already. */
  void noLonger(PeerId formerLeader) {
    synchronized (this) {
      if (leader.filter(known -> !known.equals(formerLeader)).isPresent()) {
        return;
      }
      change(term, Optional.empty());
    }
    onChange.run();
  }

  /** Rises with each change of leader, so that whoever looked can tell whether that is old news. */
  synchronized long version() {
    return version;
  }

  /**
   * Raft follows somebody of whom the apply thread has not been told yet. The term stays the one
   * that it was told of last.
   *
   * @param seen the version before Raft was asked; nothing happens if it is another one by now
   */
  void heardOf(PeerId newLeader, long seen) {
    synchronized (this) {
      if (seen != version
          || newLeader.equals(self)
          || current.isLeader()
          || leader.filter(newLeader::equals).isPresent()) {
        return;
      }
      change(term, Optional.of(newLeader.copy()));
    }
    LOG.info("following, leader={}: told before the apply thread, which is behind", newLeader);
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
      change(newTerm, newLeader);
    }
    onChange.run();
  }

  /** Called under the lock. */
  private void change(long newTerm, Optional<PeerId> newLeader) {
    version++;
    term = newTerm;
    leader = newLeader;
    current = now(leader.isEmpty());
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
