package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.TopicRoute;
import java.util.List;
import org.junit.jupiter.api.Test;

class RouteTableTest {

  @Test
  void keepsTheHigherTermAndTheNewerTopicsWhoeverSaysThem() {
    var oldTermNewTopics = route(3, "n1", 20, "a", "b");
    var newTermOldTopics = route(4, "n2", 10, "a");

    for (var order :
        List.of(
            List.of(oldTermNewTopics, newTermOldTopics),
            List.of(newTermOldTopics, oldTermNewTopics))) {
      var table = RouteTable.EMPTY;
      for (BrokerGroupRoute each : order) {
        table = table.with(List.of(each));
      }

      assertEquals("n2", table.group("g0").orElseThrow().getLeaderNode());
      assertEquals("b", table.topicOrNull("b").route().getTopic());
    }
  }

  @Test
  void losesNothingToAnEmptyAnswerOrToOneWithoutALeader() {
    var table = RouteTable.EMPTY.with(List.of(route(3, "n1", 20, "a")));

    assertSame(table, table.with(List.of()));
    var after = table.with(List.of(route(3, "", 20, "a")));
    assertEquals("n1", after.group("g0").orElseThrow().getLeaderNode());
  }

  @Test
  void forgetsTheLeaderOfAnOlderTerm() {
    var table =
        RouteTable.EMPTY
            .with(List.of(route(3, "n1", 20, "a")))
            .with(List.of(route(4, "", 20, "a")));

    assertEquals("", table.group("g0").orElseThrow().getLeaderNode());
  }

  @Test
  void tellsAClusterThatWasNeverInitialized() {
    var empty =
        BrokerGroupRoute.newBuilder()
            .setBrokerGroup("g0")
            .addReplicas(ReplicaRoute.newBuilder().setNode("n1").setRole(ReplicaRole.UNINITIALIZED))
            .build();

    assertTrue(RouteTable.EMPTY.with(List.of(empty)).onlyUninitialized());
  }

  private static BrokerGroupRoute route(
      long term, String leader, long topicsVersion, String... topics) {
    var route =
        BrokerGroupRoute.newBuilder()
            .setClusterId("c")
            .setBrokerGroup("g0")
            .setTerm(term)
            .setLeaderNode(leader)
            .setTopicsVersion(topicsVersion);
    for (String node : List.of("n1", "n2", "n3")) {
      route.addReplicas(
          ReplicaRoute.newBuilder()
              .setNode(node)
              .setRole(node.equals(leader) ? ReplicaRole.LEADER : ReplicaRole.FOLLOWER));
    }
    for (String topic : topics) {
      route.addTopics(TopicRoute.newBuilder().setTopic(topic).setQueues(1));
    }
    return route.build();
  }
}
