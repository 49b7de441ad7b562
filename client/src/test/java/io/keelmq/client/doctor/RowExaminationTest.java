package io.keelmq.client.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.StateDigest;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who is said to be wrong where rows differ. */
class RowExaminationTest {

  private final SoundCluster cluster = new SoundCluster();

  private Finding only() {
    List<Finding> findings = Examination.of(cluster.sight(), 1).findings();
    assertEquals(List.of(Kind.DIGESTS_DIFFER), findings.stream().map(Finding::kind).toList());
    return findings.get(0);
  }

  private void anotherDigestAtN3() {
    cluster
        .statuses
        .get("n3")
        .setDigests(0, StateDigest.newBuilder().setIndex(49_152).setDigest("bb"));
  }

  private void otherRowsAtN3() {
    cluster.statuses.forEach(
        (node, status) ->
            status.addRowSums(
                StateDigest.newBuilder()
                    .setIndex(49_500)
                    .setDigest(node.equals("n3") ? "s3" : "s1")));
  }

  @Test
  void aReplicaThatHasItsRowsFromAnotherOneDecidesNothing() {
    anotherDigestAtN3();
    cluster.statuses.get("n2").setInheritedUpTo(40_000);

    Finding found = only();

    assertTrue(found.found().contains("[n2]: another replica's rows"), found::found);
    assertTrue(found.action().startsWith("too few"), found::action);
  }

  @Test
  void aLearnerDecidesNothing() {
    anotherDigestAtN3();
    cluster.statuses.get("n2").setRole(ReplicaRole.LEARNER);

    Finding found = only();

    assertTrue(found.found().contains("[[n1], [n3]]"), found::found);
    assertTrue(found.action().startsWith("too few"), found::action);
  }

  @Test
  void whoIsOutvotedAtALaterEntryThanTheFirstDifferentOne() {
    // Of 49,151 only two have told yet.
    anotherDigestAtN3();
    cluster.statuses.get("n2").clearDigests();
    otherRowsAtN3();

    Finding found = only();

    assertTrue(found.found().contains("digest after entry 49151"), found::found);
    assertEquals("wait: [n3] set their data aside and are rebuilt by themselves", found.action());
  }

  @Test
  void differentRowsUnderTheSameDigests() {
    otherRowsAtN3();

    Finding found = only();

    assertTrue(
        found.found().contains("sum of rows after entry 49500: [[n1, n2], [n3]]"), found::found);
    assertTrue(found.action().startsWith("wait"), found::action);
  }

  @Test
  void anAppliedEntryAtAnIntervalIsNotTakenForTheDigestBeforeIt() {
    // n1 stands exactly where the others keep the digest of what came before.
    cluster.statuses.get("n1").setAppliedIndex(49_152).setDigest("cc");

    assertEquals(
        List.of(),
        Examination.of(cluster.sight(), 1).findings().stream()
            .filter(f -> f.kind() == Kind.DIGESTS_DIFFER)
            .toList());
  }
}
