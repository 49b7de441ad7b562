package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.held;
import static io.keelmq.broker.state.testing.StateScript.run;
import static io.keelmq.broker.state.testing.StateScript.time;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Body;
import io.keelmq.broker.state.Command.HeldKey;
import io.keelmq.broker.state.Command.Placing;
import io.keelmq.broker.state.Command.RelocateBodies;
import io.keelmq.broker.state.Command.RunKey;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.testing.StateScript;
import io.keelmq.broker.state.testing.StateScript.FedCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rows get new addresses, and nothing else of a message changes. */
class RelocationTest {

  private static final int TO = 77;

  private final StateScript script = new StateScript().raised();

  private long id(String topic) {
    return script.view.topic(topic).orElseThrow().id();
  }

  private StoredRun stored(String topic, long offset) {
    return script.view.runs(id(topic), 0, offset, 1).get(0);
  }

  private Body bodyOf(String topic, long offset, int position) {
    StoredRun run = stored(topic, offset);
    return new Body(
        run.address(),
        position,
        run.bytes(),
        List.of(new RunKey(id(topic), 0, run.firstOffset())),
        List.of());
  }

  private void relocate(Body... bodies) {
    expect(Reply.Done.class, script.apply(new RelocateBodies(List.of(bodies))));
  }

  private BodyAddress now(int position) {
    return new BodyAddress(script.state().applied().index(), position);
  }

  @Test
  void aRunGetsTheAddressOfItsCopyAndKeepsAllElse() {
    script.topic("kept", 1);
    script.apply(batch("p", 1, run("kept", 0, 3)));
    script.at(5_000).apply(batch("p", 2, run("kept", 0, 2)));
    StoredRun other = stored("kept", 0);
    StoredRun before = stored("kept", 3);

    script.at(90_000);
    relocate(bodyOf("kept", 3, TO));

    StoredRun after = stored("kept", 3);
    assertEquals(now(TO), after.address());
    assertEquals(before.movedTo(after.address()), after);
    assertEquals(new StateView.QueueBounds(0, 5), script.view.bounds(id("kept"), 0));
    assertEquals(other, stored("kept", 0), "the other run stays where it lies");
  }

  @Test
  void aRepeatAndOneThatComesTooLateChangeNothing() {
    script.topic("kept", 1);
    script.apply(batch("p", 1, run("kept", 0, 3)));
    var first = new RelocateBodies(List.of(bodyOf("kept", 0, TO)));
    script.apply(first);
    BodyAddress moved = stored("kept", 0).address();
    List<String> rows = rowsBesideApplied();

    script.apply(first);
    assertEquals(rows, rowsBesideApplied());
    assertEquals(moved, stored("kept", 0).address());

    var late = new RelocateBodies(List.of(bodyOf("kept", 0, TO)));
    script.apply(new Command.DeleteTopic("kept"));
    script.apply(new Command.AdvanceTime());
    rows = rowsBesideApplied();
    script.apply(late);
    assertEquals(rows, rowsBesideApplied());
  }

  private List<String> rowsBesideApplied() {
    return script.tables.dump().stream().filter(row -> !row.startsWith("META")).toList();
  }

  @Test
  void aBodyOfOtherSizeOrPlaceIsNotTakenForTheRuns() {
    script.topic("kept", 1);
    script.apply(batch("p", 1, run("kept", 0, 3)));
    Body right = bodyOf("kept", 0, TO);
    StoredRun before = stored("kept", 0);
    var elsewhere = new BodyAddress(right.from().logIndex(), right.from().position() + 1);

    relocate(
        new Body(elsewhere, TO, right.bytes(), right.runs(), List.of()),
        new Body(right.from(), TO, right.bytes() - 1, right.runs(), List.of()),
        new Body(
            right.from(), TO, right.bytes(), List.of(new RunKey(id("kept"), 0, 1)), List.of()));

    assertEquals(before, stored("kept", 0));
  }

  @Test
  void aRunThatItsOwnEntryMayMakeLongerIsLeftAlone() {
    script.topic("kept", 1);
    long index = script.state().applied().index() + 1;
    var key = new RunKey(id("kept"), 0, 0);
    var body = new Body(new BodyAddress(index, 100), 500, 10, List.of(key), List.of());

    script.entry(
        List.of(
            new FedCommand(Optional.empty(), batch("p", 1, run("kept", 0, 1, 100))),
            new FedCommand(Optional.empty(), new RelocateBodies(List.of(body))),
            new FedCommand(Optional.empty(), batch("p", 2, run("kept", 0, 1, 110)))));

    assertEquals(new StoredRun(0, 2, index, 100, 20, script.nowMillis()), stored("kept", 0));
  }

  @Test
  void aDelayedMessageKeepsItsNameAndIsDeliveredFromWhereItLiesNow() {
    script.topic("later", 1, TopicType.DELAY);
    var reply =
        expect(
            Reply.Stored.class,
            script.apply(batch("p", 1, held("later", 0, 50, Placing.at(time(60_000))))));
    HeldId name = reply.held().get(0).orElseThrow();
    var body =
        new Body(
            new BodyAddress(name.logIndex(), name.position()),
            TO,
            10,
            List.of(),
            List.of(new HeldKey(id("later"), name)));

    relocate(body);

    BodyAddress moved = now(TO);
    var waiting = script.view.held(id("later"), name).orElseThrow();
    assertEquals(moved, waiting.run().address());
    assertEquals(time(60_000), waiting.dueMillis());
    assertEquals(reply.held(), repeated(reply), "a retry of the send gets the same name");
    script.at(60_001).apply(new Command.AdvanceTime());
    assertEquals(moved, stored("later", 0).address());
    assertTrue(script.view.held(id("later"), name).isEmpty());
  }

  private List<Optional<HeldId>> repeated(Reply.Stored first) {
    var again =
        expect(
            Reply.Stored.class,
            script.apply(batch("p", 1, held("later", 0, 50, Placing.at(time(60_000))))));
    assertTrue(again.duplicate());
    assertEquals(first.firstOffsets(), again.firstOffsets());
    return again.held();
  }

  @Test
  void aHalfMessageThatWasRelocatedIsAskedAboutRecalledByNobodyAndCommitted() {
    script.topic("deals", 1, TopicType.TRANSACTION);
    var reply =
        expect(
            Reply.Stored.class,
            script.apply(batch("p", 1, held("deals", 0, 50, Placing.onCommit(0)))));
    HeldId name = reply.held().get(0).orElseThrow();
    var from = new BodyAddress(name.logIndex(), name.position());
    relocate(new Body(from, TO, 10, List.of(), List.of(new HeldKey(id("deals"), name))));
    BodyAddress moved = now(TO);

    script.at(Limits.FIRST_CHECK_MILLIS + 1).apply(new Command.AdvanceTime());
    var asked = script.view.held(id("deals"), name).orElseThrow();
    assertEquals(1, asked.checks());
    assertEquals(moved, asked.run().address(), "a check-back does not forget the new address");

    script.apply(new Command.EndTransaction("deals", name, true));
    assertEquals(moved, stored("deals", 0).address());
    var again = script.apply(new Command.EndTransaction("deals", name, true));
    assertEquals(List.of(0L), StateScript.offsets(again));
  }

  @Test
  void aRecalledMessageStaysRecalled() {
    script.topic("later", 1, TopicType.DELAY);
    var reply =
        expect(
            Reply.Stored.class,
            script.apply(batch("p", 1, held("later", 0, 50, Placing.at(time(60_000))))));
    HeldId name = reply.held().get(0).orElseThrow();
    var from = new BodyAddress(name.logIndex(), name.position());
    var body = new Body(from, TO, 10, List.of(), List.of(new HeldKey(id("later"), name)));
    relocate(body);
    expect(Reply.Done.class, script.apply(new Command.RecallMessage("later", name)));

    relocate(body);
    script.at(60_001).apply(new Command.AdvanceTime());

    assertTrue(script.view.held(id("later"), name).isEmpty());
    assertEquals(0, script.view.bounds(id("later"), 0).endOffset());
  }

  @Test
  void namesNoMoreRowsThanACommandMayTouch() {
    var keys = new ArrayList<RunKey>();
    for (int i = 0; i <= Limits.MAX_RELOCATED_ROWS; i++) {
      keys.add(new RunKey(1, 0, i));
    }
    expectRejected(
        Rejection.INVALID,
        script.apply(
            new RelocateBodies(List.of(new Body(new BodyAddress(1, 1), 1, 1, keys, List.of())))));
  }
}
