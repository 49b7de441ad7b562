package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Who the members of a group were as of one entry, as a replica has it on disk. Immutable.
 *
 * @param index of the entry, or of the last one in the snapshot that tells it
 * @param others learners, and in the middle of a change of voters those of before
 */
record StoredConfiguration(long index, List<PeerId> voters, List<PeerId> others) {

  StoredConfiguration {
    voters = List.copyOf(voters);
    others = List.copyOf(others);
  }

  static StoredConfiguration of(LogEntry entry) {
    var others = new ArrayList<PeerId>();
    Stream.of(entry.getLearners(), entry.getOldPeers(), entry.getOldLearners())
        .forEach(peers -> others.addAll(peers == null ? List.of() : peers));
    List<PeerId> voters = entry.getPeers() == null ? List.of() : entry.getPeers();
    return new StoredConfiguration(entry.getId().getIndex(), voters, others);
  }

  static StoredConfiguration of(SnapshotMeta meta) {
    var others =
        Stream.of(meta.getLearnersList(), meta.getOldPeersList(), meta.getOldLearnersList())
            .flatMap(List::stream)
            .map(PeerId::parsePeer)
            .toList();
    return new StoredConfiguration(
        meta.getLastIncludedIndex(),
        meta.getPeersList().stream().map(PeerId::parsePeer).toList(),
        others);
  }

  boolean names(PeerId peer) {
    return voters.contains(peer) || others.contains(peer);
  }

  Stream<PeerId> all() {
    return Stream.concat(voters.stream(), others.stream());
  }
}
