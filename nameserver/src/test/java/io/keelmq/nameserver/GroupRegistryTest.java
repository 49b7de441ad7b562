package io.keelmq.nameserver;

import static io.keelmq.nameserver.Reports.follower;
import static io.keelmq.nameserver.Reports.leader;
import static io.keelmq.nameserver.Reports.topic;
import static io.keelmq.nameserver.Reports.voter;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReplicaRole;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GroupRegistryTest {

  private final GroupRegistry registry = new GroupRegistry(GroupScript.EXPIRY_MILLIS, 0);

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          the leader's own word              | n1 LEADER 5 n1; n2 FOLLOWER 5 n1                        | 5 n1: n1 LEADER, n2 FOLLOWER
          nobody leads yet                   | n1 FOLLOWER 0 -; n2 CANDIDATE 1 -                       | 1 -: n1 FOLLOWER, n2 CANDIDATE
          a higher term hides the old leader | n1 LEADER 5 n1; n2 CANDIDATE 6 -                        | 6 -: n1 FOLLOWER, n2 CANDIDATE
          the new term's leader              | n1 LEADER 5 n1; n2 CANDIDATE 6 -; n2 LEADER 6 n2        | 6 n2: n1 FOLLOWER, n2 LEADER
          a superseded leader stays out      | n2 LEADER 6 n2; n1 LEADER 5 n1                          | 6 n2: n1 FOLLOWER, n2 LEADER
          late word of an older term         | n1 FOLLOWER 6 n2; n3 FOLLOWER 5 n1                      | 6 n2: n1 FOLLOWER, n3 FOLLOWER
          a follower's word, leader unheard  | n2 FOLLOWER 5 n1; n3 FOLLOWER 5 n1                      | 5 n1: n2 FOLLOWER, n3 FOLLOWER
          word outruns the winner's own      | n1 CANDIDATE 5 -; n2 FOLLOWER 5 n1                      | 5 n1: n1 LEADER, n2 FOLLOWER
          word outruns an earlier term       | n1 FOLLOWER 4 n3; n2 FOLLOWER 5 n1                      | 5 n1: n1 LEADER, n2 FOLLOWER
          stepped down within its term       | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 FOLLOWER 5 -       | 5 -: n1 FOLLOWER, n2 FOLLOWER
          own word beats another's           | n1 LEADER 5 n1; n2 FOLLOWER 5 n3                        | 5 n1: n1 LEADER, n2 FOLLOWER
          restarted leader leads no more     | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 restarts; n1 FOLLOWER 5 - | 5 -: n1 FOLLOWER, n2 FOLLOWER
          wiped leader leads no more         | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 restarts; n1 UNINITIALIZED 0 - | 5 -: n1 UNINITIALIZED, n2 FOLLOWER
          two claims in a term do not flap   | n2 LEADER 5 n2; n1 LEADER 5 n1                          | 5 n2: n1 FOLLOWER, n2 LEADER
          uninitialized replicas have no say | n1 UNINITIALIZED 9 -; n2 UNINITIALIZED 0 -              | 0 -: n1 UNINITIALIZED, n2 UNINITIALIZED
          leader dies, its stream ends       | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 ends               | 5 -: n2 FOLLOWER
          followers have not noticed yet     | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 ends; n2 FOLLOWER 5 n1; wait 1000 n2 | 5 -: n2 FOLLOWER
          they still follow it: it is alive  | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 ends; wait 5000 n2 | 5 n1: n1 LEADER, n2 FOLLOWER
          and then it dies, they say         | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 ends; wait 5000 n2; n2 FOLLOWER 5 - | 5 -: n2 FOLLOWER
          it comes back on a new stream      | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; n1 ends; n1 LEADER 5 n1 | 5 n1: n1 LEADER, n2 FOLLOWER
          silent follower drops out          | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; wait 4000 n1          | 5 n1: n1 LEADER
          not before its time                | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; wait 3750 n1          | 5 n1: n1 LEADER, n2 FOLLOWER
          silent leader, still followed      | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; wait 6000 n2          | 5 n1: n1 LEADER, n2 FOLLOWER
          silent leader, nobody follows      | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; wait 2000 n2; n2 FOLLOWER 5 -; wait 2000 n2 | 5 -: n2 FOLLOWER
          silent leader replaced             | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; wait 2000; n2 LEADER 6 n2; wait 2000 n2 | 6 n2: n2 LEADER
          all silent: term and name are kept | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; wait 5000             | 5 -:
          the kept term fences a stale claim | n1 LEADER 6 n1; n1 ends; wait 20000; n3 LEADER 5 n3     | 6 -: n3 FOLLOWER
          at last the group is forgotten     | n1 LEADER 5 n1; n1 ends; wait 600000                    | gone
          never initialized: forgotten soon  | n1 UNINITIALIZED 0 -; n1 ends; wait 8250                | gone
          our own pause kills nobody         | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; pause 9000            | 5 n1: n1 LEADER, n2 FOLLOWER
          silence after our own pause does   | n1 LEADER 5 n1; n2 FOLLOWER 5 n1; pause 9000; wait 4000 n1 | 5 n1: n1 LEADER
          frozen leader thaws after an election | n1 LEADER 5 n1; n2 LEADER 6 n2; wait 9000 n2; n1 LEADER 5 n1 | 6 n2: n1 FOLLOWER, n2 LEADER
          learners are listed                | n1 LEADER 5 n1; n4 LEARNER 5 n1                         | 5 n1: n1 LEADER, n4 LEARNER
          """)
  void decidesWhoLeads(String name, String story, String expected) {
    assertEquals(expected, new GroupScript().play(story).seen());
  }

  @Test
  void supersededLeaderIsNotReady() {
    var script = new GroupScript().play("n1 LEADER 5 n1; n2 LEADER 6 n2");

    BrokerGroupRoute route = script.registry.routes().get(0);

    assertFalse(route.getReplicas(0).getReady());
    assertTrue(route.getReplicas(1).getReady());
  }

  /**
   * Goal: name servers that hear different halves of a group lead no client astray. Method: one
   * hears only the cut-off leader, the other the rest; a client keeps the higher term of both.
   */
  @Test
  void divergedNameServersAreToldApartByTheTerm() {
    var one = new GroupScript().play("n1 LEADER 5 n1; wait 3000 n1");
    var other = new GroupScript().play("n2 LEADER 6 n2; n3 FOLLOWER 6 n2; wait 3000 n2 n3");

    BrokerGroupRoute merged =
        Stream.of(one, other)
            .map(script -> script.registry.routes().get(0))
            .max(Comparator.comparingLong(BrokerGroupRoute::getTerm))
            .orElseThrow();

    assertEquals("5 n1: n1 LEADER", one.seen());
    assertEquals("n2", merged.getLeaderNode());
    assertEquals("6 n2: n1 FOLLOWER, n3 FOLLOWER", one.play("n3 FOLLOWER 6 n2").seen());
  }

  @Test
  void ignoresAnOlderLifeWhileTheNewerLives() {
    accept(1, follower("n1", 5, "n2").setBootId(7));

    var outcome = registry.report(2, leader("n1", 9).setBootId(6).build(), 0);

    assertEquals("older_boot", assertInstanceOf(ReportOutcome.Ignored.class, outcome).reason());
    assertEquals(5, registry.routes().get(0).getTerm());
  }

  @Test
  void ignoresAReplacedStreamAndItsEnd() {
    accept(1, leader("n1", 5));
    accept(2, leader("n1", 5));

    var outcome = registry.report(1, follower("n1", 5, "").build(), 0);

    assertEquals("older_stream", assertInstanceOf(ReportOutcome.Ignored.class, outcome).reason());
    assertFalse(registry.streamEnded(1, 0));
    assertEquals("n1", registry.routes().get(0).getLeaderNode());
    assertTrue(registry.streamEnded(2, 0));
  }

  @Test
  void refusesAnotherClusterWhileTheGroupLives() {
    accept(1, leader("n1", 5));
    ReplicaReport stranger = leader("n9", 50).setClusterId("c2").build();

    assertRejected(Code.IDENTITY_MISMATCH, registry.report(2, stranger, 0), "g0", "c1", "c2");
    assertEquals(5, registry.routes().get(0).getTerm());

    registry.streamEnded(1, 0);
    assertInstanceOf(ReportOutcome.Accepted.class, registry.report(3, stranger, 0));
    assertEquals("c2", registry.routes().get(0).getClusterId());
    assertEquals(50, registry.routes().get(0).getTerm());
  }

  @Test
  void anotherClusterInheritsNeitherTermNorTopics() {
    accept(1, leader("n1", 5).setTopicsVersion(9).setHasTopics(true).addTopics(topic("a")));
    registry.streamEnded(1, 0);

    accept(2, leader("n1", 2).setClusterId("c2"));

    BrokerGroupRoute route = registry.routes().get(0);
    assertEquals(2, route.getTerm());
    assertEquals("n1", route.getLeaderNode());
    assertEquals(0, route.getTopicsCount());
  }

  @Test
  void asksForTopicsThatItLacks() {
    assertTrue(accept(1, leader("n1", 5).setTopicsVersion(9)).wantTopics());

    var told = leader("n1", 5).setTopicsVersion(9).setHasTopics(true);
    assertFalse(accept(1, told.addTopics(topic("b")).addTopics(topic("a"))).wantTopics());

    BrokerGroupRoute route = registry.routes().get(0);
    assertEquals(9, route.getTopicsVersion());
    assertEquals(List.of(topic("a"), topic("b")), route.getTopicsList());
    assertFalse(accept(2, follower("n2", 5, "n1").setTopicsVersion(8)).wantTopics());
    assertTrue(accept(2, follower("n2", 5, "n1").setTopicsVersion(10)).wantTopics());
  }

  @Test
  void topicsNeverGoBack() {
    accept(1, leader("n1", 5).setTopicsVersion(9).setHasTopics(true).addTopics(topic("new")));

    accept(2, follower("n2", 5, "n1").setTopicsVersion(8).setHasTopics(true));

    assertEquals(List.of(topic("new")), registry.routes().get(0).getTopicsList());
  }

  @Test
  void keepsOlderTopicsWhenTheNewDoNotFitAndDoesNotAskAgain() {
    accept(1, leader("n1", 5).setTopicsVersion(9).setHasTopics(true).addTopics(topic("old")));
    var many = leader("n1", 5).setTopicsVersion(10).setHasTopics(true);
    for (int i = 0; i <= GroupRegistry.MAX_TOPICS; i++) {
      many.addTopics(topic("t" + i));
    }

    ReportOutcome.Accepted outcome = accept(1, many);

    assertFalse(outcome.topicsFit());
    assertFalse(outcome.wantTopics());
    assertEquals(List.of(topic("old")), registry.routes().get(0).getTopicsList());
    assertFalse(accept(1, leader("n1", 5).setTopicsVersion(10)).wantTopics());
  }

  @Test
  void appliedIndexAloneIsNoChange() {
    assertTrue(accept(1, leader("n1", 5).setAppliedIndex(1)).changed());

    assertFalse(accept(1, leader("n1", 5).setAppliedIndex(2)).changed());

    assertEquals(2, registry.routes().get(0).getReplicas(0).getAppliedIndex());
    assertTrue(accept(1, leader("n1", 5).setAppliedIndex(2).setReady(false)).changed());
  }

  @Test
  void boundsReplicasOfAGroup() {
    for (int i = 0; i < Group.MAX_REPLICAS; i++) {
      accept(i, follower("n" + i, 5, "n0"));
    }
    ReplicaReport more = follower("more", 5, "n0").build();

    assertRejected(Code.TOO_MANY_REQUESTS, registry.report(99, more, 0), "g0", "more");

    registry.streamEnded(3, 0);
    assertInstanceOf(ReportOutcome.Accepted.class, registry.report(99, more, 0));
  }

  @Test
  void boundsGroupsAndForgetsTheLongestGoneFirst() {
    for (int i = 0; i < GroupRegistry.MAX_GROUPS; i++) {
      accept(i, leader("n1", 5).setBrokerGroup("g" + i));
    }
    ReplicaReport more = leader("n1", 5).setBrokerGroup("more").build();

    assertRejected(Code.TOO_MANY_REQUESTS, registry.report(99, more, 0), "more");

    registry.streamEnded(8, 10);
    registry.streamEnded(7, 5);
    assertInstanceOf(ReportOutcome.Accepted.class, registry.report(99, more, 20));
    var names = registry.routes().stream().map(BrokerGroupRoute::getBrokerGroup).toList();
    assertTrue(names.contains("g8") && !names.contains("g7"), names::toString);
  }

  @Test
  void streamSpeaksForOneReplica() {
    accept(1, leader("n1", 5));

    assertRejected(
        Code.INVALID_ARGUMENT, registry.report(1, leader("n2", 6).build(), 0), "n1", "n2");
  }

  @Test
  void refusesMalformedReportsUnchanged() {
    var bad = new ArrayList<ReplicaReport.Builder>();
    bad.add(leader("", 5));
    bad.add(leader("n 1", 5));
    bad.add(leader("n".repeat(65), 5));
    bad.add(leader("n1", 5).setBrokerGroup("g/0"));
    bad.add(leader("n1", 5).setLeaderNode("\n"));
    bad.add(leader("n1", -1));
    bad.add(leader("n1", 5).setAppliedIndex(-1));
    bad.add(leader("n1", 5).setClusterId(""));
    bad.add(leader("n1", 5).setRole(ReplicaRole.REPLICA_ROLE_UNSPECIFIED));
    bad.add(leader("n1", 5).setRoleValue(77));
    bad.add(leader("n1", 5).setClientAddress(""));
    bad.add(leader("n1", 5).setRaftAddress("host"));
    bad.add(leader("n1", 5).setOpsAddress("host:0"));
    bad.add(leader("n1", 5).setOpsAddress("h".repeat(300) + ":1"));
    bad.add(leader("n1", 5).setSoftwareVersion("v".repeat(65)));
    bad.add(leader("n1", 5).addVoters(voter("n/1", "h:1")));
    bad.add(leader("n1", 5).addVoters(voter("n1", "h")));
    bad.add(leader("n1", 5).addVoters(voter("n1", "h:1")).addVoters(voter("n1", "h:2")));
    var crowd = leader("n1", 5);
    for (int i = 0; i <= Group.MAX_REPLICAS; i++) {
      crowd.addVoters(voter("n" + i, "h:1"));
    }
    bad.add(crowd);
    bad.add(leader("n1", 5).addTopics(topic("a")));
    bad.add(leader("n1", 5).setHasTopics(true).addTopics(topic("a")).addTopics(topic("a")));
    bad.add(leader("n1", 5).setHasTopics(true).addTopics(topic("a/b")));
    bad.add(leader("n1", 5).setHasTopics(true).addTopics(topic("a").toBuilder().setQueues(0)));

    for (ReplicaReport.Builder report : bad) {
      assertRejected(
          Code.INVALID_ARGUMENT, registry.report(1, report.build(), 0), "replica report");
    }
    assertEquals(List.of(), registry.routes());
  }

  private ReportOutcome.Accepted accept(long stream, ReplicaReport.Builder report) {
    return assertInstanceOf(
        ReportOutcome.Accepted.class, registry.report(stream, report.build(), 0));
  }

  private static void assertRejected(Code code, ReportOutcome outcome, String... words) {
    var rejected = assertInstanceOf(ReportOutcome.Rejected.class, outcome);
    assertEquals(code, rejected.code(), rejected.message());
    for (String word : words) {
      assertTrue(rejected.message().contains(word), rejected.message());
    }
  }
}
