package io.keelmq.broker.raft;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.entity.LocalStorageOutter.StablePBMeta;
import com.alipay.sofa.jraft.storage.io.ProtoBufFile;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.common.HostPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a replica refuses to start on, and what it refuses to become. */
class ReplicaFolderTest {

  @TempDir Path folder;

  private ReplicaCluster cluster;

  @BeforeEach
  void begin() throws Exception {
    cluster = new ReplicaCluster(folder, 1);
  }

  @AfterEach
  void end() {
    cluster.close();
  }

  @Test
  void waitsUninitializedOnAnEmptyFolder() throws Exception {
    var replica = cluster.open("n1");

    assertFalse(replica.status().started());
    assertTrue(replica.status().plan().isEmpty());
    assertEquals(
        Refused.Reason.NOT_INITIALIZED,
        assertThrows(Refused.class, () -> replica.start("any")).reason());
  }

  @Test
  void waitsForTheStartAfterARestartWhenPrepared() throws Exception {
    cluster.open("n1").prepare(cluster.plan());
    cluster.close("n1");

    var replica = cluster.open("n1");

    assertFalse(replica.status().started());
    assertEquals(cluster.plan(), replica.status().plan().orElseThrow());
    replica.start(cluster.plan().clusterId());
    replica.start(cluster.plan().clusterId());
    cluster.createTopic();
  }

  @Test
  void preparesAgainWithTheSamePlanOnly() throws Exception {
    var replica = cluster.open("n1");
    replica.prepare(cluster.plan());

    replica.prepare(cluster.plan());
    var other = new Plan("other", cluster.plan().brokerGroup(), cluster.plan().members());

    assertEquals(
        Refused.Reason.IDENTITY_MISMATCH,
        assertThrows(Refused.class, () -> replica.prepare(other)).reason());
    assertEquals(
        Refused.Reason.IDENTITY_MISMATCH,
        assertThrows(Refused.class, () -> replica.start("other")).reason());
    replica.start(cluster.plan().clusterId());
    assertEquals(
        Refused.Reason.ALREADY_INITIALIZED,
        assertThrows(Refused.class, () -> replica.prepare(other)).reason());
  }

  @Test
  void refusesPlansThatCannotBe() throws Exception {
    var replica = cluster.open("n1");
    Plan plan = cluster.plan();
    Member self = plan.members().get(0);
    String group = plan.brokerGroup();
    var second = new Member("n2", "127.0.0.1:1", 1_500_000_000, "127.0.0.1:2");
    var third = new Member("n3", "127.0.0.1:3", 1_600_000_000, "127.0.0.1:4");

    assertInvalid(replica, new Plan("c", "another", plan.members()), "broker.group");
    assertInvalid(replica, new Plan("c d", group, plan.members()), "cluster id");
    assertInvalid(replica, new Plan("c", group, List.of(self, second)), "2 members");
    assertInvalid(replica, new Plan("c", group, List.of(second)), "does not name");
    assertInvalid(replica, new Plan("c", group, List.of(self, second, second)), "differ");
    assertInvalid(
        replica,
        new Plan(
            "c", group, List.of(self, second, new Member("n3", "127.0.0.1:3", 5, "127.0.0.1:4"))),
        "incarnation 5");
    assertInvalid(
        replica,
        new Plan(
            "c", group, List.of(self, second, new Member("n3", "nowhere", 1_600_000_000, "a:1"))),
        "nowhere");
    assertInvalid(
        replica,
        new Plan(
            "c",
            group,
            List.of(
                new Member("n1", "127.0.0.1:9", self.incarnation(), self.clientAddress()),
                second,
                third)),
        "raft.advertised");
    assertTrue(replica.status().plan().isEmpty());
  }

  private static void assertInvalid(RaftReplica replica, Plan plan, String told) {
    var refused = assertThrows(Refused.class, () -> replica.prepare(plan));
    assertEquals(Refused.Reason.INVALID, refused.reason());
    assertTrue(refused.getMessage().contains(told), refused.getMessage());
  }

  @Test
  void refusesASecondUserOfTheFolder() throws Exception {
    cluster.open("n1");

    var refused = refusal(cluster.options("n1"));

    assertTrue(refused.contains("in use by process " + ProcessHandle.current().pid()), refused);
  }

  @Test
  void refusesTheFolderOfAnotherNodeOrGroupOrAddress() throws Exception {
    joined();
    var options = cluster.options("n1");

    assertTrue(refusal(with(options, "n2", options.brokerGroup())).contains("node n1"));
    assertTrue(refusal(with(options, "n1", "another")).contains("broker.group"));
    assertTrue(refusal(options.withRaftAdvertised("127.0.0.1:1")).contains("raft.advertised"));
  }

  private static RaftReplicaOptions with(RaftReplicaOptions options, String node, String group) {
    return RaftReplicaOptions.of(
            node,
            group,
            options.dataFolder(),
            options.raftListen(),
            options.wall(),
            options.nanos(),
            options.onFatal())
        .withRaftAdvertised(options.raftAdvertised());
  }

  @Test
  void refusesToComeBackWithoutItsLog() throws Exception {
    joined();
    delete(data().resolve("log"));

    String refused = refusal(cluster.options("n1"));

    assertTrue(refused.contains("lost its log"), refused);
    assertTrue(refused.contains("no other member"), refused);
  }

  @Test
  void refusesToComeBackWithoutItsVotes() throws Exception {
    joined();
    delete(data().resolve("raft-meta"));

    String refused = refusal(cluster.options("n1"));

    assertTrue(refused.contains("lost its term and vote"), refused);
  }

  @Test
  void refusesALogWithoutVotesThoughItHasNotNotedThatItJoined() throws Exception {
    joined();
    var identity = new IdentityFile(data());
    identity.write(identity.read().orElseThrow().at(Stage.STARTED));
    delete(data().resolve("raft-meta"));

    String refused = refusal(cluster.options("n1"));

    assertTrue(refused.contains("lost its term and vote"), refused);
  }

  @Test
  void refusesDamagedOrOlderVotes() throws Exception {
    joined();
    Path file = data().resolve("raft-meta").resolve(VoteFile.NAME);
    byte[] sound = Files.readAllBytes(file);

    Files.write(file, Arrays.copyOf(sound, sound.length / 2));
    assertTrue(refusal(cluster.options("n1")).contains("vote are damaged"));
    byte[] flipped = sound.clone();
    flipped[20] ^= 1;
    Files.write(file, flipped);
    assertTrue(refusal(cluster.options("n1")).contains("vote are damaged"));
    new VoteFile(file.getParent()).write(VoteFile.Vote.NONE);
    assertTrue(refusal(cluster.options("n1")).contains("or a later one, found term 0"));
    Files.write(file, sound);
    cluster.open("n1");
    cluster.leaderNode();
  }

  @Test
  void goesOnFromTheVotesOfAnEarlierVersion() throws Exception {
    joined();
    Path file = data().resolve("raft-meta").resolve(VoteFile.NAME);
    VoteFile.Vote vote = new VoteFile(file.getParent()).read().orElseThrow();
    Files.delete(file);
    Path jrafts = file.resolveSibling("raft_meta");
    var earlier =
        StablePBMeta.newBuilder()
            .setTerm(vote.term())
            .setVotedfor(vote.votedFor().toString())
            .build();
    new ProtoBufFile(jrafts.toString()).save(earlier, true);

    cluster.open("n1");
    cluster.leaderNode();

    // The next term is in a file of ours, and nobody can vote by the old one any more.
    assertTrue(new VoteFile(file.getParent()).read().orElseThrow().term() > vote.term());
    assertTrue(Files.exists(file));
    assertFalse(Files.exists(jrafts));
  }

  @Test
  void refusesTheIdentityOfAnotherClusterBesideItsLog() throws Exception {
    joined();
    var identityFile = new IdentityFile(data());
    ReplicaIdentity identity = identityFile.read().orElseThrow();
    var members =
        identity.plan().members().stream()
            .map(
                member ->
                    new Member(
                        member.node(),
                        member.raftAddress(),
                        member.incarnation() ^ 1,
                        member.clientAddress()))
            .toList();
    var plan = new Plan("another", identity.plan().brokerGroup(), members);

    identityFile.write(new ReplicaIdentity(plan, identity.node(), identity.stage()));

    String refused = refusal(cluster.options("n1"));
    assertTrue(refused.contains("of cluster another, but the members in its log are"), refused);
    identityFile.write(identity);
    cluster.open("n1");
    cluster.leaderNode();
  }

  @Test
  void takesALinkToAFolder() throws Exception {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Files.createDirectories(data().getParent());
    Files.createSymbolicLink(data(), elsewhere);

    cluster.open("n1").prepare(cluster.plan());

    assertTrue(Files.exists(elsewhere.resolve(IdentityFile.NAME)));
  }

  @Test
  void refusesALogWithoutAnIdentity() throws Exception {
    joined();
    Files.delete(data().resolve(IdentityFile.NAME));

    String refused = refusal(cluster.options("n1"));

    assertTrue(refused.contains("says whose"), refused);
  }

  @Test
  void refusesADamagedOrNewerIdentity() throws Exception {
    joined();
    Path file = data().resolve(IdentityFile.NAME);
    String sound = Files.readString(file);

    Files.writeString(file, sound.replace("node n1", "node n7"));
    assertTrue(refusal(cluster.options("n1")).contains("checksum"));
    Files.writeString(
        file, sound.replace("keelmq-identity 1", "keelmq-identity 2").replace("crc32c", "crc64"));
    assertTrue(refusal(cluster.options("n1")).contains("format 2"));
    Files.writeString(file, sound.replace("keelmq-identity 1", "keelmq-identity 2"));
    assertTrue(refusal(cluster.options("n1")).contains("is damaged"), "one flipped bit or two");
    Files.writeString(file, sound.substring(0, sound.length() / 2));
    assertTrue(refusal(cluster.options("n1")).contains("damaged"));
    Files.writeString(file, "");
    assertTrue(refusal(cluster.options("n1")).contains("damaged"));
    Files.writeString(file, sound);
    cluster.open("n1");
    cluster.leaderNode();
  }

  @Test
  void makesItsRowsAnewWhenTheyAreGone() throws Exception {
    cluster.begin();
    cluster.createTopic();
    cluster.send("kept");
    var before = cluster.leader().state().applied();
    awaitJoined();
    cluster.close("n1");
    delete(data().resolve("store"));

    cluster.open("n1");
    cluster.awaitApplied(before.index());

    assertEquals(1, cluster.leader().state().bounds(1, 0).endOffset());
  }

  @Test
  void tellsWhenItsAddressIsTaken() throws Exception {
    var options = cluster.options("n1");
    HostPort address = options.raftListen();
    cluster.open("n1").prepare(cluster.plan());
    try (var taken =
        new java.net.ServerSocket(
            address.port(), 1, java.net.InetAddress.getByName(address.host()))) {
      assertTrue(taken.isBound());
      var refused =
          assertThrows(
              Refused.class, () -> cluster.replica("n1").start(cluster.plan().clusterId()));
      assertTrue(refused.getMessage().contains(address.toString()), refused.getMessage());
    }
    // Started on disk, so the next start of the process goes on.
    cluster.close("n1");
    cluster.open("n1");
    cluster.leaderNode();
  }

  private Path data() {
    return cluster.dataFolder("n1");
  }

  private void joined() throws Exception {
    cluster.begin();
    cluster.createTopic();
    awaitJoined();
    cluster.close("n1");
  }

  private void awaitJoined() {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, TimeUnit.SECONDS)
        .until(() -> new IdentityFile(data()).read().orElseThrow().stage() == Stage.JOINED);
  }

  private static String refusal(RaftReplicaOptions options) {
    return assertThrows(UnusableFolderException.class, () -> RaftReplica.open(options))
        .getMessage();
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
