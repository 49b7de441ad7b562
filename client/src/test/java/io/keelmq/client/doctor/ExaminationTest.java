package io.keelmq.client.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.client.doctor.Finding.Severity;
import io.keelmq.client.doctor.Sight.AddressSeen;
import io.keelmq.client.doctor.Sight.Place;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.StateDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Each finding, by a fault that is planted into a cluster with nothing wrong. */
class ExaminationTest {

  private static final Set<Kind> FOUND = EnumSet.noneOf(Kind.class);
  private final SoundCluster cluster = new SoundCluster();

  @AfterAll
  static void everyKindIsFoundBySomeTest() {
    // Only of a run of the whole class can it be said.
    if (FOUND.size() > 20) {
      assertEquals(EnumSet.allOf(Kind.class), FOUND);
    }
  }

  @Test
  void findsNothingInASoundCluster() {
    var examination = Examination.of(cluster.sight(), 1);

    assertEquals(List.of(), examination.findings());
    assertTrue(examination.isSound());
  }

  @Test
  void nameServerThatIsSilent() {
    only(cluster.silentNameServer("ns2:9876"), Severity.WARNING, Kind.NAME_SERVER_SILENT, "ns2");
  }

  @Test
  void nameServerThatHasJustStartedIsNoNeedForAction() {
    only(cluster.warmingUp(), Severity.NOTE, Kind.NAME_SERVER_WARMING_UP, "ns2");
  }

  @Test
  void noBrokers() {
    only(cluster.withoutBrokers(), Severity.WARNING, Kind.NO_GROUP, "cluster");
  }

  @Test
  void nameServersOfDifferentClusters() {
    cluster.nameServer("ns2:9876", word -> word.setClusterId("c2"));

    only(cluster, Severity.CRITICAL, Kind.CLUSTERS_DIFFER, "g0");
  }

  @Test
  void replicasOfDifferentClusters() {
    cluster.statuses.get("n3").setClusterId("c2");

    only(cluster, Severity.CRITICAL, Kind.CLUSTERS_DIFFER, "g0");
  }

  @Test
  void nameServersThatDisagreeOnTheLeader() {
    cluster.nameServer("ns2:9876", word -> word.setTerm(6).setLeaderNode(""));

    Finding found = only(cluster, Severity.WARNING, Kind.LEADERS_DIFFER, "g0");

    assertTrue(found.found().contains("ns1:9876 says n1 in term 7"), found::found);
    assertTrue(found.found().contains("ns2:9876 says nobody in term 6"), found::found);
  }

  @Test
  void nameServerThatHasNotHeardOfAReplica() {
    cluster.nameServer("ns2:9876", word -> word.removeReplicas(2));

    only(cluster, Severity.WARNING, Kind.REPLICAS_DIFFER, "g0");
  }

  @Test
  void nameServerWithOldTopics() {
    cluster.nameServer("ns2:9876", word -> word.setTopicsVersion(39));

    only(cluster, Severity.WARNING, Kind.TOPICS_DIFFER, "g0");
  }

  @Test
  void groupThatWasNeverInitialized() {
    cluster.routes.values().forEach(route -> route.setRole(ReplicaRole.UNINITIALIZED));

    Finding found = only(cluster, Severity.WARNING, Kind.NOT_INITIALIZED, "g0");

    assertTrue(found.action().contains("keelmq cluster init --group g0"), found::action);
  }

  @Test
  void groupWithoutALeader() {
    cluster.statuses.get("n1").setRole(ReplicaRole.CANDIDATE).clearPeers();

    only(cluster, Severity.CRITICAL, Kind.NO_LEADER, "g0");
  }

  @Test
  void groupWithTwoLeaders() {
    cluster.statuses.get("n3").setRole(ReplicaRole.LEADER).setTerm(8);

    Finding found = only(cluster, Severity.WARNING, Kind.SEVERAL_LEADERS, "g0");

    assertTrue(found.found().contains("{7=[n1], 8=[n3]}"), found::found);
  }

  @Test
  void memberThatReportsToNobody() {
    Finding found = only(cluster.gone("n3"), Severity.WARNING, Kind.MEMBER_MISSING, "n3");

    assertTrue(found.found().contains("with one more away nothing can be sent"), found::found);
  }

  @Test
  void memberThatReportsAndDoesNotAnswer() {
    cluster.silent.put("n2", "deadline exceeded");

    only(cluster, Severity.WARNING, Kind.REPLICA_SILENT, "n2");
  }

  @Test
  void replicaThatServesNobody() {
    cluster.statuses.get("n2").setReady(false).setReason("leaving: the log is poisoned");

    Finding found = only(cluster, Severity.WARNING, Kind.REPLICA_NOT_READY, "n2");

    assertTrue(found.found().contains("the log is poisoned"), found::found);
  }

  @Test
  void strangerWithAnEmptyFolder() {
    cluster.statuses.get("n2").setRole(ReplicaRole.UNINITIALIZED).setReady(false);

    Finding found = only(cluster, Severity.WARNING, Kind.REPLICA_NOT_READY, "n2");

    assertTrue(found.action().contains("keelmq cluster add n2 --raft n2:10911"), found::action);
  }

  @Test
  void replicaThatLags() {
    cluster.statuses.get("n3").setAppliedIndex(30_000).clearDigests();

    Finding found = only(cluster, Severity.WARNING, Kind.REPLICA_LAGS, "n3");

    assertTrue(found.found().contains("30000 of 50000 log entries"), found::found);
  }

  @Test
  void replicaThatIsSentASnapshotDoesNotLag() {
    cluster.statuses.get("n3").setAppliedIndex(30_000).setSnapshotInstalling(true).clearDigests();

    only(cluster, Severity.NOTE, Kind.SNAPSHOT_COMES, "n3");
  }

  @Test
  void peerThatTheLeaderDoesNotHearOf() {
    cluster.statuses.get("n1").getPeersBuilder(0).setAlive(false);

    only(cluster, Severity.WARNING, Kind.PEER_SILENT, "n1");
  }

  @Test
  void learnerIsNoNeedForAction() {
    cluster.members.get("n3").setStage(MemberStage.CATCHING_UP).setIncarnation(0);

    only(cluster, Severity.NOTE, Kind.MEMBER_CHANGES, "n3");
  }

  @Test
  void wildcardThatIsAdvertised() {
    cluster.addresses.put("n2:10911", new AddressSeen(Place.WILDCARD, ""));

    Finding found = only(cluster, Severity.CRITICAL, Kind.ADDRESS_WILDCARD, "n2");

    assertTrue(found.action().contains("raft.advertised"), found::action);
  }

  @Test
  void loopbackAmongRemoteAddresses() {
    cluster.addresses.put("n2:8081", new AddressSeen(Place.LOOPBACK, ""));

    Finding found = only(cluster, Severity.WARNING, Kind.ADDRESS_LOOPBACK, "n2");

    assertTrue(found.action().contains("client.advertised"), found::action);
  }

  @Test
  void loopbackIsRightWhereEverybodyIsOnOneMachine() {
    cluster.addresses.replaceAll((address, seen) -> new AddressSeen(Place.LOOPBACK, ""));

    assertEquals(List.of(), Examination.of(cluster.sight(), 1).findings());
  }

  @Test
  void nameWithoutAnAddress() {
    cluster.addresses.put("n2:8081", new AddressSeen(Place.UNRESOLVED, "unknown"));

    only(cluster, Severity.WARNING, Kind.ADDRESS_UNRESOLVED, "n2");
  }

  @Test
  void clientAddressThatNobodyAnswersAt() {
    cluster.addresses.put("n2:8081", new AddressSeen(Place.REMOTE, "connection refused"));

    only(cluster, Severity.WARNING, Kind.ADDRESS_UNREACHABLE, "n2");
  }

  @Test
  void raftAddressBehindAFirewallIsNoNeedForAction() {
    cluster.addresses.put("n2:10911", new AddressSeen(Place.REMOTE, "timed out"));

    only(cluster, Severity.NOTE, Kind.ADDRESS_UNREACHABLE, "n2");
  }

  @Test
  void clockThatIsAhead() {
    cluster.metric("n3", "keelmq_clock", SoundCluster.clock(2_500));

    Finding found = only(cluster, Severity.WARNING, Kind.CLOCK_SKEW, "n3");

    assertTrue(found.found().contains("2.5 s ahead"), found::found);
  }

  @Test
  void clockThatIsBehind() {
    cluster.metric("n3", "keelmq_clock", SoundCluster.clock(-60_000));

    Finding found = only(cluster, Severity.WARNING, Kind.CLOCK_SKEW, "n3");

    assertTrue(found.found().contains("60.0 s behind"), found::found);
  }

  @Test
  void clocksThatAreAllAheadAlikeMeanThatOursIsBehind() {
    cluster.pages.keySet().stream()
        .toList()
        .forEach(node -> cluster.metric(node, "keelmq_clock", SoundCluster.clock(5_000)));

    Finding found = only(cluster, Severity.WARNING, Kind.CLOCK_SKEW, "this machine");

    assertTrue(found.found().contains("behind"), found::found);
  }

  @Test
  void slowFsync() {
    cluster.metric("n1", "keelmq_log_force_seconds", "keelmq_log_force_seconds_total 80.0");

    Finding found = only(cluster, Severity.WARNING, Kind.SLOW_FSYNC, "n1");

    assertTrue(found.found().contains("80.0 ms"), found::found);
  }

  @Test
  void fewFsyncsTellNothing() {
    cluster.metric("n1", "keelmq_log_force", "keelmq_log_forces_total 3.0");
    cluster.pages.get("n1").add("keelmq_log_force_seconds_total 80.0");

    assertEquals(List.of(), Examination.of(cluster.sight(), 1).findings());
  }

  @Test
  void diskThatIsFillingUpAndOneThatIsAlmostFull() {
    cluster.metric("n1", "keelmq_disk_free", "keelmq_disk_free_bytes 5.0E9");
    only(cluster, Severity.WARNING, Kind.LOW_DISK, "n1");

    cluster.metric(
        "n1",
        "keelmq_disk_free",
        "keelmq_disk_free_bytes{disk=\"a\"} 5.0E11",
        "keelmq_disk_free_bytes{disk=\"b\"} 5.0E8");
    only(cluster, Severity.CRITICAL, Kind.LOW_DISK, "n1");
  }

  @Test
  void whatAPageDoesNotHaveIsToldAsNotTold() {
    cluster.metric("n1", "keelmq_disk_free").metric("n1", "keelmq_clock");

    Finding found = only(cluster, Severity.NOTE, Kind.NOT_TOLD, "n1");

    assertEquals("does not tell its clock, free disk space", found.found());
  }

  @Test
  void differentDigestsAtOneIndex() {
    cluster
        .statuses
        .get("n3")
        .setDigests(0, StateDigest.newBuilder().setIndex(49_152).setDigest("bb"));

    Finding found = only(cluster, Severity.CRITICAL, Kind.DIGESTS_DIFFER, "g0");

    assertTrue(found.found().contains("after entry 49151"), found::found);
    assertTrue(found.found().contains("[n3]"), found::found);
    assertTrue(found.action().startsWith("wait"), found::action);
  }

  @Test
  void differentVersions() {
    cluster.routes.get("n2").setSoftwareVersion("1.1");

    only(cluster, Severity.WARNING, Kind.VERSIONS_DIFFER, "cluster");
  }

  @Test
  void aVersionThatKnowsNoLevelsKeepsTheGroupWhereItIs() {
    cluster.statuses.values().forEach(status -> status.setFeatureLevel(1));
    cluster
        .statuses
        .get("n3")
        .setFeatureLevel(0)
        .setFeatureLevelLeast(0)
        .setFeatureLevelMost(0)
        .setFeatureLevelNewest(0);

    Finding found = only(cluster, Severity.WARNING, Kind.LEVELS_DIFFER, "g0");

    assertTrue(found.found().contains("up to 2, but those of [n3] only up to 1"), found::found);
  }

  @Test
  void aLevelThatAnOperatorHolds() {
    cluster.statuses.values().forEach(status -> status.setFeatureLevel(1));
    cluster.statuses.get("n2").setFeatureLevelMost(1);

    Finding found = only(cluster, Severity.NOTE, Kind.LEVEL_HELD, "g0");

    assertTrue(found.found().contains("[n2] holds it at feature level 1, 2 is"), found::found);
  }

  @Test
  void aLevelThatDoesNotRise() {
    cluster.statuses.values().forEach(status -> status.setFeatureLevel(1));

    only(cluster, Severity.WARNING, Kind.LEVEL_STAYS, "g0");
  }

  @Test
  void theWorstIsToldFirst() {
    cluster.warmingUp();
    cluster.routes.get("n2").setSoftwareVersion("1.1");
    cluster.statuses.get("n3").setClusterId("c2");

    var severities =
        Examination.of(cluster.sight(), 1).findings().stream().map(Finding::severity).toList();

    assertEquals(List.of(Severity.CRITICAL, Severity.WARNING, Severity.NOTE), severities);
  }

  @Test
  void looksAgainWhileSomethingIsWrongAndTellsTheLastLook() {
    var looks = new ArrayDeque<Sight>();
    looks.add(new SoundCluster().gone("n3").sight());
    looks.add(new SoundCluster().sight());
    var pauses = new ArrayList<String>();

    var examination = Examination.by(looks::remove, () -> pauses.add("pause"));

    assertEquals(2, examination.looks());
    assertEquals(1, pauses.size());
    assertTrue(examination.isSound());
  }

  @Test
  void looksNoMoreThanThreeTimes() {
    Sight wrong = new SoundCluster().gone("n3").sight();

    var examination = Examination.by(() -> wrong, () -> {});

    assertEquals(Examination.MAX_LOOKS, examination.looks());
    assertFalse(examination.isSound());
  }

  /** There is this finding and no other, and it says what to do. */
  private static Finding only(SoundCluster cluster, Severity severity, Kind kind, String subject) {
    var examination = Examination.of(cluster.sight(), 1);

    assertEquals(1, examination.findings().size(), () -> examination.findings().toString());
    Finding finding = examination.findings().get(0);
    assertEquals(kind, finding.kind(), finding::found);
    assertEquals(severity, finding.severity(), finding::found);
    assertTrue(finding.subject().startsWith(subject), finding::subject);
    assertEquals(severity.needsAction(), !examination.isSound());
    assertTrue(finding.action().length() > 5 && !finding.action().contains("\n"));
    FOUND.add(kind);
    return finding;
  }
}
