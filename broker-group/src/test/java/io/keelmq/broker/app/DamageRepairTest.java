package io.keelmq.broker.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.DivergedStateException;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.raft.RaftReplica;
import io.keelmq.broker.raft.RaftReplicaOptions;
import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.common.HostPort;
import io.keelmq.common.Shutdown;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On folders that a replica has prepared, and whose identity is damaged then. */
class DamageRepairTest {

  private static final HostPort ADDRESS = new HostPort("127.0.0.1", 10_911);

  @TempDir Path folder;
  private final Shutdown shutdown = new Shutdown();
  private final Queue<String> lacks = new ArrayDeque<>();
  private final List<String> shown = new ArrayList<>();
  private final List<String> asked = new ArrayList<>();
  private final List<String> wanted = new ArrayList<>();
  private long secondsAhead;

  private RaftReplicaOptions options() {
    return RaftReplicaOptions.of(
        "n1", "g0", folder, ADDRESS, InstantSource.system(), System::nanoTime, cause -> {});
  }

  private DamageRepair repair() {
    return new DamageRepair(
        options(),
        (owner, leader) -> {
          leader.ifPresent(wanted::add);
          asked.add(owner.clusterId() + " " + Files.exists(folder.resolve("set-aside-1")));
          return Optional.ofNullable(lacks.poll());
        },
        reason -> {
          shown.add(reason.get());
          return () -> shown.add("closed");
        },
        shutdown,
        () -> System.nanoTime() + TimeUnit.SECONDS.toNanos(secondsAhead));
  }

  private void prepareAndDamage(int members) throws Exception {
    var plan = new ArrayList<Member>();
    for (int i = 0; i < members; i++) {
      plan.add(
          new Member(
              "n" + (i + 1),
              new HostPort(ADDRESS.host(), ADDRESS.port() + i).toString(),
              1_000_000_001 + i,
              "127.0.0.1:" + (8_081 + i)));
    }
    var replica = RaftReplica.open(options());
    try {
      replica.prepare(new Plan("c1", "g0", plan));
    } finally {
      replica.close();
    }
    damage();
  }

  private void damage() throws IOException {
    Files.write(folder.resolve("identity"), new byte[] {1, 2, 3});
  }

  private RaftReplica open() throws IOException, UnusableFolderException {
    return RaftReplica.open(options());
  }

  @Test
  void opensWhatIsSoundWithoutAsking() throws Exception {
    var repair = repair();

    repair.open(this::open).close();

    assertEquals(List.of(), asked);
    assertEquals(0, repair.found());
  }

  @Test
  void movesNothingBeforeTheGroupGoesOn() throws Exception {
    prepareAndDamage(3);
    lacks.add("nobody leads");
    lacks.add("no majority");
    var repair = repair();

    var replica = repair.open(this::open);

    assertEquals(List.of("c1 false", "c1 false", "c1 false"), asked);
    assertTrue(shown.get(0).contains("identity is damaged"), shown::toString);
    assertTrue(shown.get(0).contains("Waiting: nobody leads"), shown::toString);
    assertEquals("closed", shown.get(1));
    assertEquals(1, repair.found());
    assertEquals(1, repair.repairs());
    assertFalse(repair.isWaiting());
    assertTrue(Files.exists(folder.resolve("set-aside-1").resolve("identity")));
    // It asks for a place in the same cluster, as one that has nothing.
    var arrival = replica.membership().arrival().orElseThrow();
    assertEquals("c1", arrival.clusterId());
    assertEquals(0, arrival.incarnation());
    replica.close();
  }

  @Test
  void keepsTheNewestRemains() throws Exception {
    prepareAndDamage(3);
    var repair = repair();
    repair.open(this::open).close();
    damage();

    repair.open(this::open).close();

    assertFalse(Files.exists(folder.resolve("set-aside-1")));
    assertTrue(Files.exists(folder.resolve("set-aside-2")));
    assertEquals(2, repair.repairs());
  }

  @Test
  void refusesToRepairAgainAndAgain() throws Exception {
    prepareAndDamage(3);
    var repair = repair();
    for (int i = 0; i < DamageRepair.MOST_REPAIRS; i++) {
      repair.open(this::open).close();
      damage();
    }

    var refused = assertThrows(IOException.class, () -> repair.open(this::open));

    assertTrue(refused.getMessage().contains("replace its disk"), refused.getMessage());
  }

  @Test
  void leavesTheDataOfAGroupOfOneWhereItIs() throws Exception {
    prepareAndDamage(1);
    lacks.add("nobody leads");

    assertThrows(UnusableFolderException.class, () -> repair().open(this::open));

    assertFalse(Files.exists(folder.resolve("set-aside-1")));
  }

  @Test
  void refusesWhatIsNoDamage() throws Exception {
    var foreign = new IOException("the port is taken");
    var repair = repair();

    assertSame(
        foreign,
        assertThrows(
            IOException.class,
            () ->
                repair.open(
                    () -> {
                      throw foreign;
                    })));
    assertEquals(List.of(), asked);
    assertEquals(0, repair.found());
  }

  @Test
  void staysAsLongAsTheGroupNeedsIt() throws Exception {
    prepareAndDamage(3);
    var damage = assertThrows(UnusableFolderException.class, this::open);
    lacks.add("this replica leads");
    lacks.add("no majority");
    var handedOver = new ArrayList<String>();
    var repair = repair();

    assertTrue(repair.mayLeave(damage, () -> handedOver.add("x"), () -> false));
    assertEquals(3, handedOver.size());
    assertFalse(Files.exists(folder.resolve("set-aside-1")));

    // What is known is not looked for again: a sealed segment is not read by opening.
    repair
        .open(
            () -> {
              assertTrue(Files.exists(folder.resolve("set-aside-1")));
              return open();
            })
        .close();
    assertEquals(1, repair.found());
    assertEquals(1, repair.repairs());
  }

  @Test
  void opensAgainAsItIsIfTheOthersHaveLeftMeanwhile() throws Exception {
    prepareAndDamage(3);
    var damage = assertThrows(UnusableFolderException.class, this::open);
    var repair = repair();
    assertTrue(repair.mayLeave(damage, () -> {}, () -> false));
    for (int i = 0; i <= DamageRepair.LOOKS_WHILE_CLOSED; i++) {
      lacks.add("no majority");
    }

    assertEquals("as it is", repair.open(() -> "as it is"));

    assertFalse(Files.exists(folder.resolve("set-aside-1")));
    assertEquals(0, repair.repairs());
  }

  @Test
  void closesWithItsDamageIfItHasLeftItsGroupForAnotherReason() throws Exception {
    prepareAndDamage(3);
    var damage = assertThrows(UnusableFolderException.class, this::open);
    lacks.add("no majority");
    var repair = repair();

    assertTrue(repair.mayLeave(damage, () -> {}, () -> true));

    assertEquals("as it is", repair.open(() -> "as it is"));
    assertEquals(0, repair.repairs());
  }

  @Test
  void anOperatorsWordWaitsForWhoIsRightToLead() throws Exception {
    prepareAndDamage(3);
    lacks.add("n2 leads, and not n3");
    var repair = repair();

    assertTrue(repair.mayLeave(DivergedStateException.byOperator("n3"), () -> {}, () -> false));
    repair.open(this::open).close();

    assertEquals(List.of("n3", "n3", "n3"), wanted, "also when it has closed");
    assertEquals(1, repair.repairs());
  }

  @Test
  void anOperatorsWordHoldsForAWhileOnly() throws Exception {
    prepareAndDamage(3);
    for (int i = 0; i < 3; i++) {
      lacks.add("n2 leads, and not n3");
    }
    var repair = repair();

    assertTrue(
        repair.mayLeave(
            DivergedStateException.byOperator("n3"),
            () -> secondsAhead += DamageRepair.WORD_HOLDS.toSeconds() / 2,
            () -> false));

    assertEquals("as it is", repair.open(() -> "as it is"));
    assertEquals(0, repair.repairs());
  }

  @Test
  void operatorsWordsAreNoSignOfABadDisk() throws Exception {
    prepareAndDamage(3);
    var repair = repair();
    for (int i = 0; i <= DamageRepair.MOST_REPAIRS; i++) {
      assertTrue(repair.mayLeave(DivergedStateException.byOperator("n3"), () -> {}, () -> false));
      repair.open(() -> "anew");
    }

    assertEquals(DamageRepair.MOST_REPAIRS + 1, repair.repairs());
  }

  @Test
  void doesNotLeaveAGroupOfOne() throws Exception {
    prepareAndDamage(1);
    lacks.add("this replica leads");

    assertFalse(repair().mayLeave(new IllegalStateException("planted"), () -> {}, () -> false));
  }
}
