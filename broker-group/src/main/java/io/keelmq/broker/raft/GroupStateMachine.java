package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.StateMachine;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.entity.LeaderChangeContext;
import com.alipay.sofa.jraft.error.RaftException;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotWriter;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What JRaft calls on its apply thread: entries go to the {@link ApplyLoop}, leadership to the
 * {@link LeadershipView} and the {@link Proposer}, errors to whoever ends the process.
 */
final class GroupStateMachine implements StateMachine {

  private static final Logger LOG = LoggerFactory.getLogger(GroupStateMachine.class);

  private final ApplyLoop applyLoop;
  private final GroupSnapshots snapshots;
  private final LeadershipView leadership;
  private final Proposer proposer;
  private final Runnable onLead;
  private final Consumer<Throwable> onFatal;

  GroupStateMachine(
      ApplyLoop applyLoop,
      GroupSnapshots snapshots,
      LeadershipView leadership,
      Proposer proposer,
      Runnable onLead,
      Consumer<Throwable> onFatal) {
    this.applyLoop = applyLoop;
    this.snapshots = snapshots;
    this.leadership = leadership;
    this.proposer = proposer;
    this.onLead = onLead;
    this.onFatal = onFatal;
  }

  @Override
  public void onApply(Iterator entries) {
    try {
      applyLoop.apply(entries);
    } catch (RuntimeException | Error e) {
      // JRaft would stop too, but keep the cause to itself.
      onFatal.accept(e);
      throw e;
    }
  }

  /**
   * JRaft calls this when the configuration entry of this replica's own term is applied, so all
   * entries of earlier leaders are applied as well. After a leadership transfer that failed it
   * calls it again in the same term.
   */
  @Override
  public void onLeaderStart(long term) {
    LOG.info("leading, term={}", term);
    proposer.lead(term);
    onLead.run();
    leadership.leads(term);
  }

  @Override
  public void onLeaderStop(Status status) {
    LOG.info("no longer leading, status={}", status);
    proposer.follow();
    leadership.noLongerItself();
  }

  @Override
  public void onStartFollowing(LeaderChangeContext context) {
    LOG.info("following, leader={} term={}", context.getLeaderId(), context.getTerm());
    leadership.follows(context.getLeaderId(), context.getTerm());
  }

  @Override
  public void onStopFollowing(LeaderChangeContext context) {
    LOG.info(
        "no longer following, leader={} status={}", context.getLeaderId(), context.getStatus());
    leadership.noLonger(context.getLeaderId());
  }

  /** JRaft's node is in its error state, from which only a new process helps. */
  @Override
  public void onError(RaftException e) {
    proposer.follow();
    leadership.noLeader();
    onFatal.accept(e);
  }

  /**
   * JRaft tells of changes of voters, when the first half of one is committed, and of no others.
   */
  @Override
  public void onConfigurationCommitted(Configuration members) {
    LOG.info("members={}", members);
    leadership.configured(members.getPeers());
  }

  @Override
  public void onShutdown() {
    proposer.follow();
  }

  @Override
  public void onSnapshotSave(SnapshotWriter writer, Closure done) {
    snapshots.save(writer, done);
  }

  @Override
  public boolean onSnapshotLoad(SnapshotReader reader) {
    boolean loaded = snapshots.load(reader);
    if (!loaded) {
      // JRaft's node cannot go on, and does not tell why.
      snapshots.loadFailure().ifPresent(onFatal);
    }
    return loaded;
  }
}
