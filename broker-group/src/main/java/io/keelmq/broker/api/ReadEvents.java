package io.keelmq.broker.api;

import com.google.protobuf.UnsafeByteOperations;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.v1.CaughtUp;
import io.keelmq.v1.MessageSource;
import io.keelmq.v1.ReadBatch;
import io.keelmq.v1.ReadOpened;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.Trimmed;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import java.util.function.LongFunction;

/** The events of a read stream. Stateless. */
final class ReadEvents {

  private ReadEvents() {}

  static ReadResponse opened(List<ReadStarts.Start> starts) {
    var ranges = ReadOpened.newBuilder();
    for (var start : starts) {
      ranges.addQueues(
          ReadOpened.QueueRange.newBuilder()
              .setQueue(start.queue())
              .setStartOffset(start.start())
              .setFirstOffset(start.bounds().firstOffset())
              .setEndOffset(start.bounds().endOffset()));
    }
    return ReadResponse.newBuilder().setOpened(ranges).build();
  }

  static ReadResponse trimmed(ReadCursor cursor, long firstOffset) {
    return ReadResponse.newBuilder()
        .setTrimmed(
            Trimmed.newBuilder()
                .setQueue(cursor.queue())
                .setWantedOffset(cursor.next)
                .setFirstOffset(firstOffset))
        .build();
  }

  static ReadResponse caughtUp() {
    return ReadResponse.newBuilder().setCaughtUp(CaughtUp.getDefaultInstance()).build();
  }

  /**
   * What lies together in an entry from the cursor on: its first run and those right behind it. The
   * records are a view of the entry, not a copy.
   *
   * @param entry of the cursor's first run
   * @param maxBytes of records, but for a single message that is larger
   * @param topicNames by id; empty: no such topic any more
   */
  static ReadBatch batch(
      ReadCursor cursor, ByteBuffer entry, int maxBytes, LongFunction<String> topicNames) {
    StoredRun first = cursor.runs.peek();
    int to = first.position() + first.bytes();
    long endOffset = first.firstOffset() + first.count();
    Iterator<StoredRun> following = cursor.runs.iterator();
    following.next();
    while (following.hasNext() && to - first.position() < maxBytes) {
      StoredRun run = following.next();
      if (run.logIndex() != first.logIndex()
          || run.position() != to
          || run.firstOffset() != endOffset
          || isPart(first)
          || isPart(run)) {
        break;
      }
      to += run.bytes();
      endOffset += run.count();
    }
    long skip = first.skip() + cursor.next - first.firstOffset();
    long most = Math.min(endOffset, cursor.end) - cursor.next;
    boolean asItLies =
        skip == 0 && !isPart(first) && endOffset <= cursor.end && to - first.position() <= maxBytes;
    RecordCut cut =
        asItLies
            ? new RecordCut(first.position(), to, (int) most)
            : RecordCut.of(entry, first.position(), to, skip, most, maxBytes);
    var batch =
        ReadBatch.newBuilder()
            .setQueue(cursor.queue())
            .setFirstOffset(cursor.next)
            .setCount(cut.count())
            .setRecords(
                UnsafeByteOperations.unsafeWrap(entry.slice(cut.from(), cut.to() - cut.from())))
            .setStoreTimeMillis(first.timeMillis());
    first
        .source()
        .ifPresent(
            source ->
                batch.setSource(
                    MessageSource.newBuilder()
                        .setTopic(topicNames.apply(source.topicId()))
                        .setQueue(source.queue())
                        .setOffset(source.offset() + cursor.next - first.firstOffset())));
    return batch.build();
  }

  /** Whether a run may be some of the records at its position only, as dead letters are. */
  private static boolean isPart(StoredRun run) {
    return run.skip() > 0 || run.source().isPresent();
  }
}
