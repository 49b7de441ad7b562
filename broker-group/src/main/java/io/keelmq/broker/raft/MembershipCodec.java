package io.keelmq.broker.raft;

import com.google.protobuf.Message;
import io.keelmq.broker.state.Command;
import io.keelmq.v1.log.AnnounceReplica;
import io.keelmq.v1.log.JoinReplica;
import io.keelmq.v1.log.LogCommand;
import io.keelmq.v1.log.PromoteReplica;
import io.keelmq.v1.log.RecordMembers;
import io.keelmq.v1.log.ReplicaLeft;
import io.keelmq.v1.log.ReplicaVotes;
import io.keelmq.v1.log.RetireReplica;
import java.util.ArrayList;

/** The form in the log of the commands about members. Stateless. */
final class MembershipCodec {

  private MembershipCodec() {}

  static void encode(Command.Membership command, LogCommand.Builder log) {
    if (command instanceof Command.RecordMembers record) {
      log.setRecordMembers(founders(record));
    } else if (command instanceof Command.JoinReplica join) {
      log.setJoinReplica(
          JoinReplica.newBuilder()
              .setNode(join.node())
              .setRaftAddress(join.raftAddress())
              .setClientAddress(join.clientAddress())
              .setBootId(join.bootId()));
    } else if (command instanceof Command.AnnounceReplica announce) {
      log.setAnnounceReplica(
          AnnounceReplica.newBuilder()
              .setNode(announce.node())
              .setRaftAddress(announce.raftAddress())
              .setClientAddress(announce.clientAddress())
              .setStaysLearner(announce.staysLearner()));
    } else if (command instanceof Command.PromoteReplica promote) {
      log.setPromoteReplica(PromoteReplica.newBuilder().setNode(promote.node()));
    } else if (command instanceof Command.RetireReplica retire) {
      log.setRetireReplica(RetireReplica.newBuilder().setNode(retire.node()));
    } else if (command instanceof Command.ReplicaVotes votes) {
      log.setReplicaVotes(
          ReplicaVotes.newBuilder().setNode(votes.node()).setIncarnation(votes.incarnation()));
    } else if (command instanceof Command.ReplicaLeft left) {
      log.setReplicaLeft(
          ReplicaLeft.newBuilder().setNode(left.node()).setIncarnation(left.incarnation()));
    } else {
      throw new IllegalArgumentException("no log form for " + command.getClass());
    }
  }

  private static RecordMembers founders(Command.RecordMembers command) {
    var log = RecordMembers.newBuilder();
    for (Command.Founder founder : command.founders()) {
      log.addFounders(
          RecordMembers.Founder.newBuilder()
              .setNode(founder.node())
              .setRaftAddress(founder.raftAddress())
              .setClientAddress(founder.clientAddress())
              .setIncarnation(founder.incarnation()));
    }
    return log.build();
  }

  /**
   * @param log one of the commands about members
   * @throws UnreadableEntryException if it holds what this version does not know
   */
  static Command decode(long index, LogCommand log) {
    return switch (log.getCommandCase()) {
      case RECORD_MEMBERS -> founders(index, known(index, log.getRecordMembers()));
      case JOIN_REPLICA -> {
        JoinReplica join = known(index, log.getJoinReplica());
        yield new Command.JoinReplica(
            join.getNode(), join.getRaftAddress(), join.getClientAddress(), join.getBootId());
      }
      case ANNOUNCE_REPLICA -> {
        AnnounceReplica announce = known(index, log.getAnnounceReplica());
        yield new Command.AnnounceReplica(
            announce.getNode(),
            announce.getRaftAddress(),
            announce.getClientAddress(),
            announce.getStaysLearner());
      }
      case PROMOTE_REPLICA ->
          new Command.PromoteReplica(known(index, log.getPromoteReplica()).getNode());
      case RETIRE_REPLICA ->
          new Command.RetireReplica(known(index, log.getRetireReplica()).getNode());
      case REPLICA_VOTES -> {
        ReplicaVotes votes = known(index, log.getReplicaVotes());
        yield new Command.ReplicaVotes(votes.getNode(), votes.getIncarnation());
      }
      case REPLICA_LEFT -> {
        ReplicaLeft left = known(index, log.getReplicaLeft());
        yield new Command.ReplicaLeft(left.getNode(), left.getIncarnation());
      }
      default -> throw new IllegalArgumentException(log.getCommandCase() + " is not about members");
    };
  }

  private static Command founders(long index, RecordMembers log) {
    var founders = new ArrayList<Command.Founder>(log.getFoundersCount());
    for (RecordMembers.Founder each : log.getFoundersList()) {
      RecordMembers.Founder founder = known(index, each);
      founders.add(
          new Command.Founder(
              founder.getNode(),
              founder.getRaftAddress(),
              founder.getClientAddress(),
              founder.getIncarnation()));
    }
    return new Command.RecordMembers(founders);
  }

  private static <M extends Message> M known(long index, M message) {
    CommandDecoder.refuseUnknownFields(index, message);
    return message;
  }
}
