package io.keelmq.broker.raft;

import io.keelmq.broker.RowEvidence;
import io.keelmq.broker.state.StateView.DigestAt;
import java.util.List;

/** Of one replica's folder. */
record RowProof(InheritedRows inherited, RowSums rowSums) implements RowEvidence {

  @Override
  public long inheritedUpTo() {
    return inherited.upTo();
  }

  @Override
  public void confirm(long upTo) {
    inherited.confirm(upTo);
  }

  @Override
  public List<DigestAt> sums() {
    return rowSums.sums();
  }

  @Override
  public long sumsTaken() {
    return rowSums.taken();
  }

  @Override
  public long lastSumMillis() {
    return rowSums.lastMillis();
  }
}
