package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.StatusRuntimeException;
import io.keelmq.chaos.checks.Stored;
import io.keelmq.client.KeelClient;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a replica whose data folder is foreign, of a newer format or in use leaves with one clear
 * line and changes nothing in it; one that has lost its memory, or finds damage while it runs,
 * comes back by itself; and the group does not notice. Method: one cluster under load; n2 is
 * stopped, its folder is changed in one way after the other and the broker is started on it; in the
 * end every replica must hold every acknowledged message. Damage that is found at the start is in
 * {@link DamageRepairTest}.
 */
@Tag("chaos")
class DamageTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final Duration STOP = Duration.ofSeconds(20);
  private static final int HEADER_BYTES = 32;

  /** One way to damage a folder, and what the refusal must say. */
  private record Damage(String name, Consumer<DataFolder> how, List<String> refusal) {}

  private static Damage damage(String name, Consumer<DataFolder> how, String... refusal) {
    return new Damage(name, how, List.of(refusal));
  }

  private final List<String> report = new ArrayList<>();

  @Test
  void refusesFoldersThatAreNotItsOwnAndComesBackFromDamage() {
    var name = "damage";
    var options =
        new ClusterOptions(
                Path.of(
                    System.getProperty("chaos.dir", "target/chaos"),
                    name + "-" + Long.toString(System.currentTimeMillis(), 36)),
                Distribution.find(),
                new PortPlan.Free(ChaosPlan.givenOrNewSeed().random()))
            .withBrokerSettings(Map.of("log.segment.bytes", "1MiB", "scrub.bytes.per.second", "0"));
    // Large bodies, so that there soon are segments that are sealed.
    var workload = new WorkloadOptions(2, 8, 4, 2_048, 8_192, 100, 512, Duration.ofSeconds(60));
    var plan = new ChaosPlan(name, ChaosPlan.givenOrNewSeed(), workload, 1_000, 0);

    ChaosResult result =
        new ChaosRun(options, plan)
            .run(
                faults -> {
                  faults.awaitMoreOks(600, PROGRESS);
                  refusesAtStart(faults);
                  refusesFolderInUse(faults);
                  comesBackWithoutItsMemory(faults);
                  comesBackWhenASealedSegmentIsReadThatIsDamaged(faults);
                  comesBackWhenItsStateIsAnother(faults);
                });

    System.out.println(result.text() + "\n" + String.join("\n", report));
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
    ClusterFolder.delete(options.dir());
  }

  private static List<Damage> damages() {
    return List.of(
        damage(
            "a segment's header is of a newer format",
            folder -> DataFolder.makeNewer(folder.sealedSegments().get(0), HEADER_BYTES),
            ".seg has format 2, this build reads up to 1",
            "upgrade this replica"),
        damage(
            "first.meta is of a newer format",
            folder -> DataFolder.makeNewer(folder.firstMeta(), 40),
            "first.meta has format 2, this build reads up to 1",
            "upgrade this replica"),
        damage(
            "the identity is that of another cluster",
            folder -> {
              folder.rewriteIdentity("cluster .*", "cluster another");
              folder.rewriteIdentity("member n(\\d) (\\S+) \\d+", "member n$1 $2 123456789$1");
            },
            "identity names this replica ",
            " of cluster another, but the members in its log are ",
            "restore the one that was replaced"),
        damage(
            "the rows are of a newer format",
            DataFolder::makeStoreNewer,
            "has format 3, this version reads up to format 2",
            "start the version that wrote it"));
  }

  private void refusesAtStart(Faults faults) {
    LocalCluster cluster = faults.cluster();
    Node node = cluster.node("n2");
    cluster.stopNode(node, STOP);
    var folder = new DataFolder(cluster.dataDir(node));
    Path sound = folder.path().resolveSibling("n2-sound");
    folder.copyTo(sound);
    var failures = new ArrayList<AssertionError>();
    for (Damage damage : damages()) {
      new DataFolder(sound).copyTo(folder.path());
      damage.how().accept(folder);
      List<String> before = folder.contents();
      faults.awaitMoreOks(10, PROGRESS);
      try (var broker = ProgramRun.broker(cluster, node)) {
        String line = broker.refusal(damage.refusal().toArray(String[]::new));
        note(damage.name(), line);
        faults.note("refused: " + damage.name());
        assertEquals(before, folder.contents(), "the folder was changed: " + damage.name());
      } catch (AssertionError e) {
        failures.add(new AssertionError(damage.name() + ": " + e.getMessage(), e));
      }
    }
    if (!failures.isEmpty()) {
      var all = new AssertionError(failures.size() + " damages were not refused as they must be");
      failures.forEach(all::addSuppressed);
      throw all;
    }
    new DataFolder(sound).copyTo(folder.path());
    folder.delete(sound);
    faults.startAndAwait(node);
  }

  /** The process that has the folder must not notice. */
  private void refusesFolderInUse(Faults faults) {
    LocalCluster cluster = faults.cluster();
    Node node = cluster.node("n2");
    Node free = new PortPlan.Free(ChaosPlan.givenOrNewSeed().random()).place(1, 0).get(0);
    long pid = cluster.pid(node);

    try (var second = ProgramRun.broker(cluster, node, free)) {
      String line = second.refusal("is in use by process " + pid + ": stop it first");
      note("a second process on the same folder", line);
    }

    faults.awaitMoreOks(100, PROGRESS);
    cluster.awaitReady(cluster.nodes(), PROGRESS);
    assertEquals(pid, cluster.pid(node));
  }

  /**
   * It may have voted and acknowledged under its name, so it must do neither again: what is left is
   * set aside, and it comes back under another incarnation.
   */
  private void comesBackWithoutItsMemory(Faults faults) {
    LocalCluster cluster = faults.cluster();
    Node node = cluster.node("n2");
    var folder = new DataFolder(cluster.dataDir(node));
    String before = peerId(node);
    List<Runnable> losses =
        List.of(
            () -> folder.delete(folder.log()),
            () -> folder.delete(folder.raftMeta()),
            () -> folder.delete(folder.path()));
    for (Runnable loss : losses) {
      cluster.stopNode(node, STOP);
      loss.run();
      cluster.startNode(node);
      faults.awaitVoter(node);
      String after = peerId(node);
      assertNotEquals(before, after);
      before = after;
    }
    faults.awaitMoreOks(100, PROGRESS);
    try (var init =
        ProgramRun.start(
            cluster.logFile(node).getParent(),
            "keelmq",
            List.of("--endpoints", cluster.endpoints(), "cluster", "init"))) {
      // It runs, whatever its members have become.
      assertEquals(0, init.exitCode(), () -> init.errors().toString());
    }
  }

  private static String peerId(Node node) {
    try (var replica = new ReplicaAccess(node)) {
      return replica.status().getPeerId();
    }
  }

  /** Sealed segments are verified when they are read. The replica leads, so that it matters. */
  private void comesBackWhenASealedSegmentIsReadThatIsDamaged(Faults faults) {
    LocalCluster cluster = faults.cluster();
    Node node = cluster.node("n2");
    String before = peerId(node);
    cluster.stopNode(node, STOP);
    Path segment = new DataFolder(cluster.dataDir(node)).sealedSegments().get(1);
    DataFolder.flip(segment, segment.toFile().length() / 2);
    faults.startAndAwait(node);

    try (var replica = new ReplicaAccess(node);
        var client = KeelClient.connect(cluster.endpoints())) {
      assertTrue(Waiting.until(PROGRESS, () -> isReady(replica)), () -> tail(cluster, node));
      client.admin().transferLeadership("g0", node.id());
      faults.disturb();

      var read = new ArrayList<Stored>();
      var refused =
          assertThrows(StatusRuntimeException.class, () -> replica.read("chaos", read::add));
      assertTrue(read.stream().allMatch(Stored::intact), "it served wrong bytes");
      note("a byte of a sealed segment is flipped, and read", refused.getMessage());
    }

    boolean repaired = Waiting.until(PROGRESS, () -> isRepaired(node));
    assertTrue(repaired, () -> tail(cluster, node));
    faults.awaitVoter(node);
    assertNotEquals(before, peerId(node));
    faults.awaitMoreOks(200, PROGRESS);
  }

  /** Nobody can see it but by comparing. */
  private void comesBackWhenItsStateIsAnother(Faults faults) {
    LocalCluster cluster = faults.cluster();
    Node node = cluster.node("n2");
    String before = peerId(node);
    cluster.stopNode(node, STOP);
    new DataFolder(cluster.dataDir(node)).makeStateDiverge();
    cluster.startNode(node);

    boolean repaired = Waiting.until(Duration.ofMinutes(3), () -> isRepaired(node));

    assertTrue(repaired, () -> tail(cluster, node));
    assertTrue(
        cluster.tail(node, 500).stream()
            .anyMatch(line -> line.contains("their digest after entry")),
        () -> tail(cluster, node));
    faults.awaitVoter(node);
    assertNotEquals(before, peerId(node));
    note("the digest of its state is another", "rebuilt");
  }

  private static boolean isRepaired(Node node) {
    // It may be closed, to be opened again.
    return OpsPage.ifAnswered(node, "keelmq_damage_repairs_total").orElse(0) == 1;
  }

  private static String tail(LocalCluster cluster, Node node) {
    return String.join("\n", cluster.tail(node, 50));
  }

  private static boolean isReady(ReplicaAccess replica) {
    try {
      return replica.status().getReady();
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  private void note(String what, String line) {
    report.add("  " + what + "\n    " + line);
  }
}
