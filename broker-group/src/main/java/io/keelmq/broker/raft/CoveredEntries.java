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
   * Whether it holds, below the snapshot's end, a newer term than the snapshot ends with. There an
   * entry of a newer leader is not what the snapshot covers: somebody has lost what was committed.
   */
  static boolean contradict(AppendEntriesRequest request, Published snapshot) {
    if (request.getPrevLogIndex() >= snapshot.index()) {
      return false;
    }
    return request.getPrevLogTerm() > snapshot.term()
        || covered(request, snapshot).stream().anyMatch(entry -> entry.getTerm() > snapshot.term());
  }

  /**
   * The request, beginning at the end of the snapshot if it began before; to be called if it does
   * not {@link #contradict} the snapshot.
   */
  static AppendEntriesRequest cut(AppendEntriesRequest request, Published snapshot) {
    if (request.getPrevLogIndex() >= snapshot.index() || isOfNothing(request)) {
      return request;
    }
    List<EntryMeta> cut = covered(request, snapshot);
    var rest =
        request.toBuilder()
            .setPrevLogIndex(snapshot.index())
            .setPrevLogTerm(snapshot.term())
            .clearEntries()
            .addAllEntries(request.getEntriesList().subList(cut.size(), request.getEntriesCount()));
    if (request.hasData()) {
      long bytes = cut.stream().mapToLong(EntryMeta::getDataLen).sum();
      rest.setData(request.getData().substring(Math.toIntExact(bytes)));
    } else if (!cut.isEmpty()) {
      // Without entries and data it were a heartbeat, which is answered out of turn.
      rest.setData(ByteString.EMPTY);
    }
    return rest.build();
  }

  /** A heartbeat of a leader that has no terms before its own log; it agrees with everybody. */
  private static boolean isOfNothing(AppendEntriesRequest request) {
    return request.getPrevLogIndex() == 0 && request.getEntriesCount() == 0 && !request.hasData();
  }

  /** Of a request that begins before the snapshot's end. */
  private static List<EntryMeta> covered(AppendEntriesRequest request, Published snapshot) {
    long covered = snapshot.index() - request.getPrevLogIndex();
    return request.getEntriesList().subList(0, (int) Math.min(covered, request.getEntriesCount()));
  }
}
