package io.keelmq.nameserver;

import io.keelmq.common.HostPort;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.TopicRoute;
import io.keelmq.v1.Voter;
import java.util.HashSet;
import java.util.Optional;
import java.util.regex.Pattern;

/** Which reports are well formed, whoever sent them. Without state. */
final class ReportChecks {

  static final int MAX_ADDRESS_LENGTH = 262;
  static final int MAX_VERSION_LENGTH = 64;
  static final int MAX_QUEUES = 1_024;

  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_-]{1,64}");
  private static final Pattern TOPIC = Pattern.compile("[%a-zA-Z0-9_-]{1,127}");

  private ReportChecks() {}

  /** What is wrong with the report, if anything: expected and found. */
  static Optional<String> fault(ReplicaReport report) {
    if (!isName(report.getBrokerGroup())) {
      return Optional.of(badName("broker_group", report.getBrokerGroup()));
    }
    if (!isName(report.getNode())) {
      return Optional.of(badName("node", report.getNode()));
    }
    if (!report.getLeaderNode().isEmpty() && !isName(report.getLeaderNode())) {
      return Optional.of(badName("leader_node", report.getLeaderNode()));
    }
    if (report.getRole() == ReplicaRole.REPLICA_ROLE_UNSPECIFIED
        || report.getRole() == ReplicaRole.UNRECOGNIZED) {
      return Optional.of("role " + report.getRoleValue() + ": expected a role that is known here");
    }
    if (report.getRole() != ReplicaRole.UNINITIALIZED && !isName(report.getClusterId())) {
      return Optional.of(badName("cluster_id of a replica with a role", report.getClusterId()));
    }
    if (report.getTerm() < 0 || report.getAppliedIndex() < 0 || report.getTopicsVersion() < 0) {
      return Optional.of(
          "term %d, applied_index %d, topics_version %d: expected none below 0"
              .formatted(report.getTerm(), report.getAppliedIndex(), report.getTopicsVersion()));
    }
    if (report.getSoftwareVersion().length() > MAX_VERSION_LENGTH) {
      return Optional.of(
          "software_version: expected at most " + MAX_VERSION_LENGTH + " characters");
    }
    return addressFault("client_address", report.getClientAddress())
        .or(() -> addressFault("raft_address", report.getRaftAddress()))
        .or(() -> addressFault("ops_address", report.getOpsAddress()))
        .or(() -> votersFault(report))
        .or(() -> topicsFault(report));
  }

  private static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  private static String badName(String field, String found) {
    return "%s \"%s\": expected %s".formatted(field, shortened(found), NAME);
  }

  private static Optional<String> addressFault(String field, String address) {
    String fault =
        field + " \"" + shortened(address) + "\": expected host:port with a port above 0";
    try {
      return address.length() <= MAX_ADDRESS_LENGTH && HostPort.parse(address).port() > 0
          ? Optional.empty()
          : Optional.of(fault);
    } catch (IllegalArgumentException e) {
      return Optional.of(fault);
    }
  }

  private static Optional<String> votersFault(ReplicaReport report) {
    if (report.getVotersCount() > Group.MAX_REPLICAS) {
      return Optional.of(
          "%d voters: expected at most %d".formatted(report.getVotersCount(), Group.MAX_REPLICAS));
    }
    var seen = new HashSet<String>();
    for (Voter voter : report.getVotersList()) {
      if (!isName(voter.getNode()) || !seen.add(voter.getNode())) {
        return Optional.of(badName("voter, each once,", voter.getNode()));
      }
      Optional<String> fault = addressFault("client_address of a voter", voter.getClientAddress());
      if (fault.isPresent()) {
        return fault;
      }
    }
    return Optional.empty();
  }

  private static Optional<String> topicsFault(ReplicaReport report) {
    if (!report.getHasTopics() && report.getTopicsCount() > 0) {
      return Optional.of("topics without has_topics: expected both or neither");
    }
    var seen = new HashSet<String>();
    for (TopicRoute topic : report.getTopicsList()) {
      if (!TOPIC.matcher(topic.getTopic()).matches() || !seen.add(topic.getTopic())) {
        return Optional.of(
            "topic \"%s\": expected each once and of %s"
                .formatted(shortened(topic.getTopic()), TOPIC));
      }
      if (topic.getQueues() < 1 || topic.getQueues() > MAX_QUEUES) {
        return Optional.of(
            "topic %s has %d queues: expected 1 to %d"
                .formatted(topic.getTopic(), topic.getQueues(), MAX_QUEUES));
      }
    }
    return Optional.empty();
  }

  /** Foreign text in our log and errors is kept short and on one line. */
  private static String shortened(String text) {
    String head = text.length() > 80 ? text.substring(0, 80) + "..." : text;
    return head.replaceAll("\\p{Cntrl}", "?");
  }
}
