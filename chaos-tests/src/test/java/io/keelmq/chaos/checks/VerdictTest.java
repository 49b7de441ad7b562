package io.keelmq.chaos.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Goal: every check stays silent on a clean run and speaks up on the one fault that it is there
 * for. Method: a small clean run is made as data, one fault is planted into it, and the names of
 * the checks that found something are compared.
 */
class VerdictTest {

  private static final int PRODUCERS = 2;
  private static final int KEYS = 3;
  private static final int SENDS = 60;
  private static final int QUEUES = 2;
  private static final List<String> REPLICAS = List.of("n1", "n2", "n3");

  private final List<Event> history = new ArrayList<>();
  private final List<List<Stored>> replicas = new ArrayList<>();
  private final List<String> digests = new ArrayList<>(List.of("d", "d", "d"));
  private final List<String> sums = new ArrayList<>(List.of("s", "s", "s"));

  /** Send 10 of producer 0 failed, 20 is unknown and stored, 21 is unknown and was never stored. */
  VerdictTest() {
    var log = new ArrayList<Stored>();
    var ends = new long[QUEUES];
    long now = 0;
    for (int seq = 0; seq < SENDS; seq++) {
      for (int producer = 0; producer < PRODUCERS; producer++) {
        int key = seq % KEYS;
        int queue = key % QUEUES;
        history.add(new Event.Invoke(producer, key, seq, now++));
        if (producer == 0 && seq == 10) {
          history.add(new Event.Fail(producer, seq, now++));
        } else if (producer == 0 && seq == 21) {
          history.add(new Event.Unknown(producer, seq, now++));
        } else {
          long offset = ends[queue]++;
          history.add(
              producer == 0 && seq == 20
                  ? new Event.Unknown(producer, seq, now++)
                  : new Event.Ok(producer, seq, queue, offset, now++));
          history.add(new Event.Delivered(producer, key, seq, queue, offset, now++));
          log.add(new Stored("", queue, offset, true, producer, key, seq, 31 * seq + producer));
        }
      }
    }
    for (String replica : REPLICAS) {
      replicas.add(new ArrayList<>(log.stream().map(m -> on(replica, m)).toList()));
    }
  }

  @Test
  void cleanRunHasNoProblems() {
    var verdict = verdict();

    assertEquals(List.of(), verdict.problems());
    assertEquals(PRODUCERS * SENDS - 3, verdict.ledger().acked());
    assertEquals(1, verdict.ledger().failed());
    assertEquals(2, verdict.ledger().unknown());
  }

  @Test
  void tellsAnAckedMessageThatIsGoneEverywhere() {
    // The tail of a queue, so that offsets stay dense: exactly what an ack at the leader only
    // loses.
    for (int i = 0; i < replicas.size(); i++) {
      replicas.get(i).remove(replicas.get(i).size() - 1);
    }

    var verdict = verdict();

    assertEquals(List.of("NoAckedLoss"), verdict.broken());
    assertEquals(3, verdict.goneMessages());
  }

  @Test
  void tellsAnAckedMessageThatOneReplicaLacks() {
    replicas.get(1).remove(replicas.get(1).size() - 1);

    assertEquals(List.of("NoAckedLoss", "DenseOffsets"), verdict().broken());
  }

  @Test
  void tellsAnAckedMessageAtAnotherPlaceFromOneThatIsGone() {
    replaceEverywhere(5, m -> at(m, m.queue(), m.offset() + 1000));

    var verdict = verdict();

    assertTrue(verdict.broken().contains("NoAckedLoss"));
    assertEquals(0, verdict.goneMessages());
  }

  @Test
  void tellsAMessageThatNobodySent() {
    addEverywhere(new Stored("", 0, end(0), true, 0, 0, SENDS + 5, 1));

    assertEquals(List.of("NoPhantom"), verdict().broken());
  }

  @Test
  void tellsAStoredMessageWhoseSendFailed() {
    addEverywhere(new Stored("", 1, end(1), true, 0, 10 % KEYS, 10, 1));

    assertTrue(verdict().broken().contains("NoPhantom"));
  }

  @Test
  void tellsADeliveredMessageWhoseSendFailed() {
    history.add(new Event.Delivered(0, 10 % KEYS, 10, 1, end(1), 9_999));

    assertTrue(verdict().broken().contains("NoPhantom"));
  }

  @Test
  void tellsADeliveryBeforeItsSend() {
    history.add(0, new Event.Delivered(0, 0, 0, 0, 0, 0));

    assertTrue(verdict().broken().contains("NoPhantom"));
  }

  @Test
  void tellsABodyThatIsDamaged() {
    replicas.get(2).set(7, damaged(replicas.get(2).get(7)));

    assertEquals(List.of("NoAckedLoss", "NoPhantom", "OnePayloadPerOffset"), verdict().broken());
  }

  @Test
  void tellsReplicasThatHoldDifferentBytesAtOneOffset() {
    Stored m = replicas.get(1).get(9);
    replicas
        .get(1)
        .set(
            9,
            new Stored(
                m.replica(), m.queue(), m.offset(), true, m.producer(), m.key(), m.seq(), 77));

    assertEquals(List.of("OnePayloadPerOffset"), verdict().broken());
  }

  @Test
  void tellsTwoReceiptsForOneOffset() {
    history.add(new Event.Invoke(0, 0, SENDS, 9_998));
    history.add(new Event.Ok(0, SENDS, 0, 0, 9_999));

    assertTrue(verdict().broken().contains("OnePayloadPerOffset"));
  }

  @Test
  void tellsAReaderThatSawAnotherMessageAtAnOffset() {
    // Uncommitted data handed out before the leader changed: the offset got another message later.
    history.add(new Event.Invoke(1, 0, SENDS, 9_998));
    history.add(new Event.Delivered(1, 0, SENDS, 0, 4, 9_999));

    assertTrue(verdict().broken().contains("OnePayloadPerOffset"));
  }

  @Test
  void tellsAMessageStoredTwice() {
    Stored first = replicas.get(0).get(replicas.get(0).size() - 1);
    addEverywhere(at(first, first.queue(), end(first.queue())));

    assertEquals(List.of("NoDuplicate"), verdict().broken());
  }

  @Test
  void tellsAMessageDeliveredTwice() {
    history.add(history.get(history.size() - 1));

    assertEquals(List.of("NoDuplicate"), verdict().broken());
  }

  @Test
  void tellsAKeyOutOfOrderOnAReplica() {
    // Two sends of one key whose outcome is unknown, stored the wrong way round.
    history.add(new Event.Invoke(1, 0, SENDS, 9_997));
    history.add(new Event.Invoke(1, 0, SENDS + 1, 9_998));
    addEverywhere(new Stored("", 0, end(0), true, 1, 0, SENDS + 1, 5));
    addEverywhere(new Stored("", 0, end(0), true, 1, 0, SENDS, 6));

    assertEquals(List.of("KeyOrder"), verdict().broken());
  }

  @Test
  void tellsAKeyOutOfOrderAtTheReader() {
    int last = lastDelivery(0);
    int before = lastDelivery(last, 0);
    Event swap = history.get(last);
    history.set(last, history.get(before));
    history.set(before, swap);

    assertTrue(verdict().broken().contains("KeyOrder"));
  }

  @Test
  void tellsAKeyInTwoQueues() {
    history.add(new Event.Invoke(1, 0, SENDS, 9_998));
    addEverywhere(new Stored("", 1, end(1), true, 1, 0, SENDS, 5));

    assertEquals(List.of("KeyOrder"), verdict().broken());
  }

  @Test
  void tellsAHoleInTheOffsets() {
    history.add(new Event.Invoke(1, 0, SENDS, 9_998));
    addEverywhere(new Stored("", 0, end(0) + 1, true, 1, 0, SENDS, 5));

    assertEquals(List.of("DenseOffsets"), verdict().broken());
  }

  @Test
  void tellsReplicasThatEndAtDifferentPlaces() {
    history.add(new Event.Invoke(1, 0, SENDS, 9_998));
    replicas.get(0).add(new Stored("n1", 0, end(0), true, 1, 0, SENDS, 5));

    assertEquals(List.of("DenseOffsets"), verdict().broken());
  }

  @Test
  void findsRowsThatDifferUnderTheSameDigest() {
    sums.set(2, "other");

    assertEquals(List.of("DigestsAgree"), verdict().broken());
  }

  @Test
  void tellsDifferentDigestsAtOneIndex() {
    digests.set(2, "other");

    assertEquals(List.of("DigestsAgree"), verdict().broken());
  }

  @Test
  void tellsThatNoIndexIsCommonToAllReplicas() {
    digests.remove(2);

    assertEquals(List.of("DigestsAgree"), verdict().broken());
  }

  @Test
  void refusesAHistoryThatContradictsItself() {
    history.add(new Event.Ok(0, 0, 0, 0, 9_999));

    assertTrue(verdict().problems().get(0).startsWith("the history is broken"));
  }

  private Verdict verdict() {
    var verdict = new Verdict(REPLICAS.size());
    history.forEach(verdict::event);
    for (int i = 0; i < REPLICAS.size(); i++) {
      verdict.replicaBegins(REPLICAS.get(i));
      replicas.get(i).forEach(verdict::stored);
      verdict.replicaEnds(REPLICAS.get(i));
    }
    for (int i = 0; i < digests.size(); i++) {
      verdict.digest(REPLICAS.get(i), 100, digests.get(i));
      verdict.sum(REPLICAS.get(i), 90, sums.get(i));
    }
    return verdict;
  }

  private interface Change {
    Stored apply(Stored message);
  }

  private void replaceEverywhere(int index, Change change) {
    replicas.forEach(replica -> replica.set(index, change.apply(replica.get(index))));
  }

  private void addEverywhere(Stored message) {
    for (int i = 0; i < REPLICAS.size(); i++) {
      replicas.get(i).add(on(REPLICAS.get(i), message));
    }
  }

  /** One behind the last offset of the queue on n1. */
  private long end(int queue) {
    return replicas.get(0).stream()
            .filter(message -> message.queue() == queue)
            .mapToLong(Stored::offset)
            .max()
            .orElse(-1)
        + 1;
  }

  private int lastDelivery(int key) {
    return lastDelivery(history.size(), key);
  }

  private int lastDelivery(int before, int key) {
    for (int i = before - 1; i >= 0; i--) {
      if (history.get(i) instanceof Event.Delivered d && d.key() == key && d.producer() == 0) {
        return i;
      }
    }
    throw new IllegalStateException("no delivery of key " + key);
  }

  private static Stored on(String replica, Stored m) {
    return new Stored(
        replica, m.queue(), m.offset(), m.intact(), m.producer(), m.key(), m.seq(), m.bodyHash());
  }

  private static Stored at(Stored m, int queue, long offset) {
    return new Stored(
        m.replica(), queue, offset, m.intact(), m.producer(), m.key(), m.seq(), m.bodyHash());
  }

  private static Stored damaged(Stored m) {
    return new Stored(m.replica(), m.queue(), m.offset(), false, 0, 0, 0, ~m.bodyHash());
  }
}
