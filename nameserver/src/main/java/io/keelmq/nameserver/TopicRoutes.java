package io.keelmq.nameserver;

import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.TopicRoute;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The topics of one broker group as of the highest version that a replica has told. The version is
 * a log index that a majority has committed, so it orders what all replicas say and never goes
 * back. Owned by {@link Group}.
 */
final class TopicRoutes {

  private long version;
  private List<TopicRoute> topics = List.of();
  private Map<String, TopicRoute> byName = Map.of();
  // Asking again for a list that did not fit would have it sent every second, for nothing.
  private long tooLargeVersion = -1;

  /**
   * Takes the report's topics if they are newer.
   *
   * @param room how many topics this group may have
   * @return false if they are newer but there is no room for them; the older ones stay
   */
  boolean offer(ReplicaReport report, int room) {
    if (!report.getHasTopics() || report.getTopicsVersion() <= version) {
      return true;
    }
    if (report.getTopicsCount() > room) {
      tooLargeVersion = report.getTopicsVersion();
      return false;
    }
    version = report.getTopicsVersion();
    topics =
        report.getTopicsList().stream().sorted(Comparator.comparing(TopicRoute::getTopic)).toList();
    byName = topics.stream().collect(Collectors.toMap(TopicRoute::getTopic, topic -> topic));
    return true;
  }

  /** Whether a replica that has applied {@code reportedVersion} has topics that are not known. */
  boolean lacks(long reportedVersion) {
    return reportedVersion > version && reportedVersion != tooLargeVersion;
  }

  long version() {
    return version;
  }

  /** By name. */
  List<TopicRoute> topics() {
    return topics;
  }

  Optional<TopicRoute> topic(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  int size() {
    return topics.size();
  }
}
