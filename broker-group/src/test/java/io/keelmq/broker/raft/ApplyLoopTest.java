package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.Status;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.TopicType;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.raftlog.LogRecord;
import io.keelmq.raftlog.RealDisk;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApplyLoopTest {

  @TempDir Path folder;

  private final List<Effect> told = Collections.synchronizedList(new ArrayList<>());
  private RocksTables store;
  private SegmentedLog log;
  private Replies replies;
  private final PassOver passOver = new PassOver();
  private final AppliedTerms terms = new AppliedTerms();
  private ApplyLoop loop;
  private RowSums rowSums;

  @BeforeEach
  void open() {
    store = RocksTables.open(folder.resolve("store"));
    log = SegmentedLog.open(SegmentedLogOptions.in(folder.resolve("log")), new RealDisk());
    replies = new Replies("test");
    rowSums = new RowSums(store, "test", System::nanoTime);
    loop = loop(store, rowSums);
  }

  private ApplyLoop loop(RocksTables rows, RowSums sums) {
    return new ApplyLoop(
        new BrokerState(rows),
        rows,
        log,
        new LogClock(0, InstantSource.fixed(Instant.ofEpochMilli(1)), () -> 0),
        replies,
        passOver,
        terms,
        ApplyPace.AT_ONCE,
        new ReplicaVersion("test", LevelRange.OF_THIS_VERSION),
        sums,
        RocksTables::restore,
        told::addAll);
  }

  @AfterEach
  void close() throws InterruptedException {
    replies.stop();
    store.close();
    log.close();
  }

  @Test
  void makesRowsReadableBeforeItTells() {
    var view = new StateView(store.committed());

    loop.apply(entries(1, List.of(createTopic("a"), createTopic("b"))));

    assertEquals(2, view.applied().index());
    assertTrue(view.topic("b").isPresent());
    await().atMost(30, SECONDS).until(() -> told.contains(new Effect.TopicsChanged()));
    assertEquals(2, loop.entriesApplied());
  }

  @Test
  void passesOverWhatTheRowsHoldWithoutReadingIt() {
    loop.apply(entries(1, List.of(createTopic("a"), createTopic("b"))));

    // Their bytes must not be asked for: they may be gigabytes.
    loop.apply(entries(1, Arrays.asList(null, null, createTopic("c"))));

    assertEquals(2, loop.entriesSkipped());
    assertEquals(3, loop.entriesApplied());
    assertEquals(3, loop.seenIndex());
  }

  @Test
  void keepsRowsFromBecomingDurableBeforeTheirEntriesAre() throws Exception {
    loop.apply(entries(1, List.of(createTopic("a"))));
    var flushing = new Thread(loop::flush);
    flushing.start();
    // The log has no entry yet: two followers could have it, and this leader's disk not.
    await().atMost(30, SECONDS).until(() -> flushing.getState() == Thread.State.TIMED_WAITING);
    assertEquals(0, store.stats().flushes());

    log.append(List.of(new LogRecord(1, 1, LogRecord.Type.DATA, createTopic("a"))));
    flushing.join(30_000);

    assertEquals(1, store.stats().flushes());
    loop.flush();
    assertEquals(1, store.stats().flushes());
  }

  @Test
  void flushesWhatIsCommittedInTheMiddleOfABatch() throws Exception {
    log.append(List.of(new LogRecord(1, 1, LogRecord.Type.DATA, createTopic("a"))));
    loop.apply(entries(1, List.of(createTopic("a"))));
    var entries =
        new Entries(2, List.of(createTopic("b"), createTopic("c")), passOver) {
          @Override
          public ByteBuffer getData() {
            if (getIndex() == 3) {
              // The timer's turn comes when the rows of entry 2 are written and not committed.
              loop.flush();
            }
            return super.getData();
          }
        };

    loop.apply(entries);

    assertEquals(1, store.stats().flushes());
    assertEquals(3, loop.committedIndex());
  }

  @Test
  void servesNothingOfAnOlderLeaderInPlaceOfWhatWasApplied() {
    var served = new CommittedLog(log.reader(), terms);
    ByteBuffer older = createTopic("older");
    log.append(
        List.of(
            new LogRecord(1, 0, LogRecord.Type.DATA, older),
            new LogRecord(2, 0, LogRecord.Type.DATA, older)));

    // Entry 2 of term 1 is in Raft's memory and committed; this disk has not come to it.
    loop.apply(entries(2, List.of(createTopic("a"))));

    assertEquals(Optional.of(older), served.entry(1));
    assertEquals(Optional.empty(), served.entry(2));
    log.truncateSuffix(1);
    log.append(List.of(new LogRecord(2, 1, LogRecord.Type.DATA, createTopic("a"))));
    assertEquals(Optional.of(createTopic("a")), served.entry(2));
  }

  @Test
  void rowsAreHashedBehindTheFirstEntryOfEachMinuteHoweverEntriesCome() {
    long minute = RowSums.PERIOD_MILLIS;
    List<ByteBuffer> entries =
        List.of(
            createTopic("a", minute - 1), createTopic("b", minute), createTopic("c", minute + 1));

    loop.apply(entries(1, entries));

    await().atMost(30, SECONDS).until(() -> rowSums.taken() == 1);
    assertEquals(3, loop.committedIndex());
    try (var other = RocksTables.open(folder.resolve("other"))) {
      var sums = new RowSums(other, "other", System::nanoTime);
      var stepwise = loop(other, sums);
      for (int i = 0; i < entries.size(); i++) {
        stepwise.apply(entries(i + 1, List.of(entries.get(i))));
      }
      await().atMost(30, SECONDS).until(() -> sums.taken() == 1);
      assertEquals(2, sums.sums().get(0).index());
      assertEquals(rowSums.sums(), sums.sums());
    }
  }

  @Test
  void stopsAtAnUnreadableEntry() {
    var entries = entries(1, List.of(createTopic("a"), ByteBuffer.wrap(new byte[] {7})));

    assertThrows(UnreadableEntryException.class, () -> loop.apply(entries));

    // The entry before it was not committed either: JRaft stops, and the log has it.
    assertEquals(0, loop.committedIndex());
  }

  private Entries entries(long first, List<ByteBuffer> bytes) {
    return new Entries(first, bytes, passOver);
  }

  private static ByteBuffer createTopic(String name) {
    return createTopic(name, 1);
  }

  private static ByteBuffer createTopic(String name, long timeMillis) {
    var command = new Command.CreateTopic(name, TopicType.NORMAL, 1, 0);
    return LogEntryBytes.encode(
        timeMillis, List.of(CommandEncoder.encode(Optional.empty(), command)), List.of());
  }

  /** Entries as JRaft hands them over; an absent one must not be read. */
  private static class Entries implements Iterator {
    private final long first;
    private final List<ByteBuffer> entries;
    private final PassOver passOver;
    private int at;

    Entries(long first, List<ByteBuffer> entries, PassOver passOver) {
      this.first = first;
      this.passOver = passOver;
      this.entries = entries;
    }

    @Override
    public boolean hasNext() {
      return at < entries.size();
    }

    @Override
    public ByteBuffer next() {
      // As JRaft does: the storage is asked for the bytes of the entry that is left.
      if (!passOver.getAsBoolean()) {
        getData();
      }
      at++;
      return null;
    }

    @Override
    public ByteBuffer getData() {
      if (entries.get(at) == null) {
        throw new AssertionError("the bytes of entry " + getIndex() + " were read");
      }
      return entries.get(at);
    }

    @Override
    public long getIndex() {
      return first + at;
    }

    @Override
    public long getTerm() {
      return 1;
    }

    @Override
    public Closure done() {
      return null;
    }

    @Override
    public boolean commit() {
      return true;
    }

    @Override
    public void setAutoCommitPerLog(boolean each) {}

    @Override
    public void commitAndSnapshotSync(Closure done) {}

    @Override
    public void setErrorAndRollback(long count, Status status) {}
  }
}
