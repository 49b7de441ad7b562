package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.error.RaftError;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ProposalOutcome.Reason;
import io.keelmq.broker.raft.LogEntryBytes.Decoded;
import io.keelmq.broker.state.BodyAddress;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.testing.MapTables;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ProposerTest {

  private static final long LIMIT = 4L * Proposer.MAX_COMMAND_BYTES;

  /** What was handed to Raft; nothing comes back unless the test says so. */
  private final List<Task> raft = Collections.synchronizedList(new ArrayList<>());

  private final List<ProposalOutcome> outcomes = Collections.synchronizedList(new ArrayList<>());
  private final Replies replies = new Replies("test");
  private volatile AckPolicy acks = AckPolicy.AFTER_APPLY;
  private Optional<String> noRoom = Optional.empty();
  private Proposer proposer;

  @BeforeEach
  void begin() {
    proposer = proposer();
  }

  private Proposer proposer() {
    var clock = new LogClock(0, InstantSource.fixed(Instant.ofEpochMilli(1_000)), () -> 0);
    var made =
        new Proposer(
            raft::add,
            clock,
            replies,
            (c, s) -> acks.early(c, s),
            new StateView(new MapTables()),
            LIMIT,
            () -> noRoom);
    made.start();
    return made;
  }

  @AfterEach
  void end() throws InterruptedException {
    proposer.stop();
    replies.stop();
  }

  @Test
  void sendsAtOnceWhenIdle() {
    proposer.lead(7);

    propose(100);

    awaitEntries(1);
    assertEquals(7, raft.get(0).getExpectedTerm());
    assertEquals(1, decoded(0).commands().size());
  }

  @Test
  void refusesBodiesAndNothingElseWhileDisksAreFull() {
    proposer.lead(7);
    noRoom = Optional.of("full");

    propose(100);
    var refused = assertInstanceOf(ProposalOutcome.NotProposed.class, outcomes.get(0));
    assertEquals(ProposalOutcome.Reason.DISK_FULL, refused.reason());
    assertEquals(1, proposer.refusedForRoom());
    proposer.propose(
        new Proposal(Optional.empty(), new Command.DeleteTopic("old"), List.of(), outcomes::add));
    awaitEntries(1);
    proposeRelocation(100);
    // Past the disks; this group is of an earlier level, which is another matter.
    var other = assertInstanceOf(ProposalOutcome.NotProposed.class, outcomes.get(1));
    assertEquals(ProposalOutcome.Reason.FEATURE_LEVEL, other.reason());
    assertEquals(1, proposer.refusedForRoom());

    noRoom = Optional.empty();
    propose(100);
    awaitEntries(2);
  }

  @Test
  void proposesNothingThatTheGroupsLevelDoesNotAllow() {
    proposer.lead(7);

    raise(3);
    var refused = assertInstanceOf(ProposalOutcome.NotProposed.class, outcomes.get(0));
    assertEquals(Reason.FEATURE_LEVEL, refused.reason());
    assertTrue(refused.message().contains("needs feature level 2, this group is at 1"));
    raise(2);

    awaitEntries(1);
    assertEquals(
        new Command.RaiseLevel(2, "x"), decoded(0).commands().get(0).command(), "and no other");
  }

  private void raise(int level) {
    proposer.propose(
        new Proposal(
            Optional.empty(), new Command.RaiseLevel(level, "x"), List.of(), outcomes::add));
  }

  @Test
  void gathersBehindEntriesInFlightInTheOrderOfArrival() {
    proposer.lead(7);
    fillPartialWindow();
    int gathered = 50;
    for (int i = 0; i < gathered; i++) {
      propose(100 + i);
    }

    applied(0);

    awaitEntries(Proposer.PARTIAL_WINDOW + 1);
    var batch = decoded(Proposer.PARTIAL_WINDOW).commands();
    assertEquals(
        IntStream.range(100, 100 + gathered).boxed().toList(),
        batch.stream().map(one -> bytesOf(one.command())).toList());
  }

  @Test
  void sendsFullBatchesThoughPartialOnesWait() {
    proposer.lead(7);
    fillPartialWindow();

    for (int i = 0; i < 40; i++) {
      propose(4_000);
    }

    awaitEntries(Proposer.PARTIAL_WINDOW + 2);
    for (int i = Proposer.PARTIAL_WINDOW; i < Proposer.PARTIAL_WINDOW + 2; i++) {
      assertTrue(raft.get(i).getData().remaining() <= Proposer.BATCH_BYTES + 100);
      assertTrue(decoded(i).commands().size() >= 15);
    }
  }

  @Test
  void sendsALargeCommandAlone() {
    proposer.lead(7);
    fillPartialWindow();

    propose(10);
    propose(8 << 20);
    propose(10);
    applied(0);
    applied(1);
    applied(2);

    awaitEntries(Proposer.PARTIAL_WINDOW + 3);
    assertEquals(1, decoded(Proposer.PARTIAL_WINDOW + 1).commands().size());
    assertTrue(raft.get(Proposer.PARTIAL_WINDOW + 1).getData().remaining() > 8 << 20);
  }

  @Test
  void putsNothingIntoAnotherTermThanItWasDecidedIn() {
    proposer.lead(7);
    fillPartialWindow();
    proposeInTerm(7);
    proposeInTerm(6);
    assertEquals(
        ProposalOutcome.Reason.NOT_LEADER,
        ((ProposalOutcome.NotProposed) outcomes.get(0)).reason(),
        "it comes too late");

    proposer.follow();
    proposer.lead(8);
    applied(0);

    await().atMost(30, SECONDS).until(() -> outcomes.size() == 3);
    assertTrue(
        outcomes.stream()
            .anyMatch(
                outcome ->
                    outcome instanceof ProposalOutcome.NotProposed refused
                        && refused.message().contains("lead")),
        "it waited while another term began");
    assertEquals(Proposer.PARTIAL_WINDOW, raft.size());
  }

  private void proposeInTerm(long term) {
    proposer.propose(
        new Proposal(
            Optional.empty(),
            new Command.AdvanceTime(),
            List.of(),
            outcomes::add,
            OptionalLong.of(term)));
  }

  @Test
  void goesOnAfterAnEntryThatCannotBeSent() {
    proposer.lead(7);
    acks =
        (command, state) -> {
          throw new IllegalStateException("broken");
        };
    propose(10);
    await().atMost(30, SECONDS).until(() -> outcomes.size() == 1);
    assertInstanceOf(ProposalOutcome.Unknown.class, outcomes.get(0));

    acks = AckPolicy.AFTER_APPLY;
    propose(10);

    awaitEntries(1);
  }

  @Test
  void tellsTheOthersOfAnEntryWhenOneCallerFails() {
    var done = new ArrayList<PendingCommand>();
    for (int i = 0; i < 2; i++) {
      boolean fails = i == 0;
      done.add(
          new PendingCommand(
              new Proposal(
                  Optional.empty(),
                  new Command.AdvanceTime(),
                  List.of(),
                  outcome -> {
                    if (fails) {
                      throw new IllegalStateException("broken");
                    }
                    outcomes.add(outcome);
                  })));
    }

    new EntryInFlight(done, 0, (entry, tell) -> tell.run())
        .applied(1, List.of(new Reply.Done(), new Reply.Done()));

    assertEquals(List.of(new ProposalOutcome.Applied(1, new Reply.Done())), outcomes);
  }

  @Test
  void refusesACommandThatNoEntryCanHold() {
    proposer.lead(7);

    propose(Proposer.MAX_COMMAND_BYTES);

    assertEquals(Reason.TOO_LARGE, refused(0));
    assertEquals(0, proposer.bytesInFlight());
  }

  @Test
  void refusesMoreThanMayBeInFlightAndRecovers() {
    proposer.lead(7);
    int size = 8 << 20;
    int fit = (int) (LIMIT / size);
    for (int i = 0; i < fit; i++) {
      propose(size);
    }

    propose(size);

    assertEquals(Reason.OVERLOADED, refused(0));
    assertEquals(1, proposer.overloads());
    awaitEntries(fit);
    applied(0);
    // The room is given back when the answer has been told, on the reply thread.
    await().atMost(30, SECONDS).until(() -> proposer.bytesInFlight() + size <= LIMIT);
    propose(size);
    awaitEntries(fit + 1);
  }

  @Test
  void endsQueuedCommandsAsNotProposedWhenLeadershipIsLost() {
    proposer.lead(7);
    fillPartialWindow();
    propose(1);
    propose(2);

    proposer.follow();
    fail(0, new Status(RaftError.EPERM, "Leader stepped down"));

    awaitOutcomes(3);
    assertInstanceOf(ProposalOutcome.Unknown.class, outcomes.get(0));
    assertEquals(Reason.NOT_LEADER, refused(1));
    assertEquals(Reason.NOT_LEADER, refused(2));
  }

  @Test
  void endsWhatRaftNeverAnsweredAsUnknown() throws Exception {
    proposer.lead(7);
    fillPartialWindow();
    propose(1);

    proposer.stop();
    proposer.abandon();

    awaitOutcomes(Proposer.PARTIAL_WINDOW + 1);
    assertEquals(
        Proposer.PARTIAL_WINDOW,
        outcomes.stream().filter(ProposalOutcome.Unknown.class::isInstance).count());
    propose(1);
    awaitOutcomes(Proposer.PARTIAL_WINDOW + 2);
    assertEquals(Reason.SHUTTING_DOWN, refused(Proposer.PARTIAL_WINDOW + 1));
  }

  @Test
  void tellsEachCallerOnce() {
    proposer.lead(7);
    propose(1);
    awaitEntries(1);

    applied(0);
    fail(0, new Status(RaftError.EPERM, "Leader stepped down"));
    proposer.abandon();

    awaitOutcomes(1);
    assertInstanceOf(ProposalOutcome.Applied.class, outcomes.get(0));
    await().atMost(30, SECONDS).until(() -> proposer.bytesInFlight() == 0);
    assertEquals(1, outcomes.size());
  }

  @Test
  void refusesRecordsThatAreNotThoseOfTheRuns() {
    proposer.lead(7);

    assertThrows(
        IllegalArgumentException.class,
        () ->
            proposer.propose(
                new Proposal(
                    Optional.empty(), send(10), List.of(ByteBuffer.allocate(9)), o -> {})));
  }

  @Test
  void answersEarlyOnlyWhenAFaultIsPlanted() {
    acks = (command, state) -> Optional.of(new Reply.Done());
    proposer.lead(7);

    propose(1);

    awaitOutcomes(1);
    assertEquals(new ProposalOutcome.Applied(0, new Reply.Done()), outcomes.get(0));
    assertEquals(AckPolicy.AFTER_APPLY, AckPolicy.fromProperties());
  }

  private void fillPartialWindow() {
    for (int i = 0; i < Proposer.PARTIAL_WINDOW; i++) {
      propose(1);
      // One entry each: the next is not there yet when this one is sent.
      awaitEntries(i + 1);
    }
  }

  private void propose(int bytes) {
    proposer.propose(
        new Proposal(
            Optional.empty(), send(bytes), List.of(ByteBuffer.allocate(bytes)), outcomes::add));
  }

  private void proposeRelocation(int bytes) {
    var body =
        new Command.Body(
            new BodyAddress(1, 0), 0, bytes, List.of(new Command.RunKey(1, 0, 0)), List.of());
    proposer.propose(
        new Proposal(
            Optional.empty(),
            new Command.RelocateBodies(List.of(body)),
            List.of(ByteBuffer.allocate(bytes)),
            outcomes::add));
  }

  private static Command send(int bytes) {
    return new Command.SendMessages(
        new Command.ProducerSequence("p", 1, 1),
        List.of(new Command.Run("t", 0, 1, 0, bytes, List.of())));
  }

  private static int bytesOf(Command command) {
    return ((Command.SendMessages) command).runs().get(0).bytes();
  }

  private Decoded decoded(int entry) {
    return LogEntryBytes.decode(1, raft.get(entry).getData());
  }

  private void awaitEntries(int count) {
    await().atMost(30, SECONDS).until(() -> raft.size() >= count);
  }

  private void awaitOutcomes(int count) {
    await().atMost(30, SECONDS).until(() -> outcomes.size() >= count);
  }

  private Reason refused(int outcome) {
    return assertInstanceOf(ProposalOutcome.NotProposed.class, outcomes.get(outcome)).reason();
  }

  private void applied(int entry) {
    awaitEntries(entry + 1);
    var inFlight = (EntryInFlight) raft.get(entry).getDone();
    inFlight.applied(entry + 1, Collections.nCopies(inFlight.commands().size(), new Reply.Done()));
  }

  private void fail(int entry, Status status) {
    raft.get(entry).getDone().run(status);
  }
}
