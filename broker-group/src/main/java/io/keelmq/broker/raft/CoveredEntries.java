package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.RaftOutter.EntryMeta;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.google.protobuf.ByteString;
import io.keelmq.broker.raft.GroupSnapshots.Published;
import java.util.List;

/**
 * Takes from a leader's request what the follower's snapshot covers. Stateless.
 *
 * <p>JRaft compares the entry before a request with the log alone, and a log that begins behind a
 * snapshot has no term to compare. A leader that has an older snapshot, and looks for the place
 * where the logs part, is told at each index below the snapshot's end that they differ, sends its
 * own snapshot, is told that this is not newer, and looks again: for ever, thousands of times a
 * second (Replicator and NodeImpl, seen in 1.4.1).
 *
 * <p>What a snapshot covers is committed, so every leader has the same. The request may as well
 * begin at the snapshot's end, where JRaft compares terms again; and an answer to it holds for the
 * request as it was sent.
 */
final class CoveredEntries {

  private CoveredEntries() {}

  /**
   * The request, beginning at the end of the snapshot if it began before.
   *
   * <p>Unchanged if it holds a newer term than the snapshot ends with: there an entry of a newer
   * leader is not what the snapshot covers, so somebody has lost what was committed. JRaft refuses
   * such a request.
   */
  static AppendEntriesRequest cut(AppendEntriesRequest request, Published snapshot) {
    long covered = snapshot.index() - request.getPrevLogIndex();
    if (covered <= 0) {
      return request;
    }
    int count = (int) Math.min(covered, request.getEntriesCount());
    List<EntryMeta> cut = request.getEntriesList().subList(0, count);
    if (request.getPrevLogTerm() > snapshot.term()
        || cut.stream().anyMatch(entry -> entry.getTerm() > snapshot.term())) {
      return request;
    }
    var rest =
        request.toBuilder()
            .setPrevLogIndex(snapshot.index())
            .setPrevLogTerm(snapshot.term())
            .clearEntries()
            .addAllEntries(request.getEntriesList().subList(count, request.getEntriesCount()));
    if (request.hasData()) {
      long bytes = cut.stream().mapToLong(EntryMeta::getDataLen).sum();
      rest.setData(request.getData().substring(Math.toIntExact(bytes)));
    } else if (count > 0) {
      // Without entries and data it were a heartbeat, which is answered out of turn.
      rest.setData(ByteString.EMPTY);
    }
    return rest.build();
  }
}
