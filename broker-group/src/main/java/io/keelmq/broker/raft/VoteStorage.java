package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.core.NodeImpl;
import com.alipay.sofa.jraft.entity.EnumOutter.ErrorType;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.error.RaftException;
import com.alipay.sofa.jraft.option.RaftMetaStorageOptions;
import com.alipay.sofa.jraft.storage.RaftMetaStorage;
import io.keelmq.broker.raft.VoteFile.Vote;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JRaft's port for term and vote, over {@link VoteFile}. What it answers true to is on disk. When
 * it cannot write, the replica ends: it may not vote by what it would forget. JRaft calls it under
 * its node's lock.
 */
final class VoteStorage implements RaftMetaStorage {

  private static final Logger LOG = LoggerFactory.getLogger(VoteStorage.class);

  private final VoteFile file;
  private final ReserveFile reserve;
  private final PeerId self;
  private final BooleanSupplier mayTakeOver;
  private Vote vote = Vote.NONE;
  private NodeImpl node;

  /**
   * @param reserve given back when there is no room for a vote
   * @param mayTakeOver whether this replica may vote for itself when a leader tells it to; whether
   *     it may do so by itself, its priority says
   */
  VoteStorage(Path metaFolder, ReserveFile reserve, PeerId self, BooleanSupplier mayTakeOver) {
    this.file = new VoteFile(metaFolder);
    this.reserve = reserve;
    this.self = self;
    this.mayTakeOver = mayTakeOver;
  }

  @Override
  public boolean init(RaftMetaStorageOptions options) {
    node = options.getNode();
    try {
      vote = file.read().orElse(Vote.NONE);
      return true;
    } catch (IOException | UnusableFolderException e) {
      LOG.error("cannot read term and vote", e);
      return false;
    }
  }

  @Override
  public void shutdown() {
    // All that was ever set is on disk.
  }

  @Override
  public boolean setTerm(long term) {
    return set(new Vote(term, vote.votedFor()));
  }

  @Override
  public long getTerm() {
    return vote.term();
  }

  @Override
  public boolean setVotedFor(PeerId peer) {
    return set(new Vote(vote.term(), peer));
  }

  @Override
  public PeerId getVotedFor() {
    return vote.votedFor();
  }

  @Override
  public boolean setTermAndVotedFor(long term, PeerId peer) {
    return set(new Vote(term, peer));
  }

  private boolean set(Vote next) {
    if (next.votedFor().equals(self) && !mayTakeOver.getAsBoolean()) {
      // JRaft then steps down and asks nobody; it has the vote in memory, and gives it to no other.
      LOG.info("not standing for election in term {}: the disk stalls", next.term());
      // But it stays in that term, and takes entries of it: a start would miss the term here.
      store(new Vote(next.term(), PeerId.emptyPeer()));
      return false;
    }
    return store(next);
  }

  private boolean store(Vote next) {
    // Also when it is refused by the disk: what was promised in memory must not be taken back.
    vote = next;
    try {
      write(next);
      return true;
    } catch (IOException e) {
      LOG.error("cannot write term and vote", e);
      node.onError(
          new RaftException(
              ErrorType.ERROR_TYPE_META,
              RaftError.EIO,
              "term and vote cannot be written: %s",
              e.toString()));
      return false;
    }
  }

  /** A second time only into a new file, and only if there is room now. */
  private void write(Vote next) throws IOException {
    try {
      file.write(next);
    } catch (IOException e) {
      if (StorageFailure.of(e) != StorageFailure.FULL || !reserve.release()) {
        throw e;
      }
      file.write(next);
    }
  }
}
