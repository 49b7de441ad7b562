package io.keelmq.client;

import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.ReplicaStatus;
import java.util.List;
import java.util.Optional;

/** The members of one group, asked through the admin calls. Thread-safe. */
record MembersOfGroup(Admin admin, String group) implements Replacement.Group, Rebuilding.Group {

  @Override
  public List<GroupReplica> members() {
    return admin.replicas(group);
  }

  @Override
  public void add(String node, String raftAddress, String clientAddress) {
    admin.addReplica(group, node, raftAddress, clientAddress, false);
  }

  @Override
  public void promote(String node) {
    admin.promoteReplica(group, node);
  }

  @Override
  public void remove(String node) {
    admin.removeReplica(group, node, false);
  }

  @Override
  public void lead(String node) {
    admin.transferLeadership(group, node);
  }

  @Override
  public void rebuild(String clientAddress, String peerId, String source) {
    admin.rebuildReplica(clientAddress, peerId, source);
  }

  @Override
  public Optional<ReplicaStatus> statusAt(String clientAddress) {
    return admin.replicaStatus(clientAddress);
  }
}
