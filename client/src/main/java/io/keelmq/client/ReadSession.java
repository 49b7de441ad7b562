package io.keelmq.client;

import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.Code;
import io.keelmq.v1.GetOffsetsRequest;
import io.keelmq.v1.GetOffsetsResponse;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The application's half of a {@link Reader}: takes what {@link ReadFeed} has fetched, and knows
 * how far the application has come. Owned by the polling thread, but for {@link #close}.
 */
final class ReadSession {

  private static final Duration ITERATOR_POLL = Duration.ofSeconds(1);

  private final ClientCore core;
  private final Reader.Builder options;
  private final ReadBuffer buffer;
  private final ConcurrentSkipListMap<Integer, Long> nextOffsets = new ConcurrentSkipListMap<>();

  /**
   * Taken for an iterator, which gives them one by one, so that a commit covers only those given.
   */
  private final ArrayDeque<ReadMessage> handedOut = new ArrayDeque<>();

  private final OffsetCommits commits;
  private final ReadFeed feed;
  private volatile boolean caughtUp;
  private volatile boolean closed;

  ReadSession(ClientCore core, Reader.Builder options) {
    this.core = core;
    this.options = options;
    buffer = new ReadBuffer(core.loop()::nanoTime);
    commits = new OffsetCommits(core, options.topic);
    feed = new ReadFeed(core, options, buffer);
  }

  void open() {
    String group = core.topics().find(options.topic, options.openTimeout).group();
    var starts = new TreeMap<Integer, Long>();
    StartAt.Fixed from;
    if (options.from instanceof StartAt.Committed committed) {
      from = committed.otherwise();
      var request =
          GetOffsetsRequest.newBuilder()
              .setConsumerGroup(committed.consumerGroup())
              .setTopic(options.topic)
              .build();
      GetOffsetsResponse found = getOffsets(group, request);
      commits.learn(committed.consumerGroup(), found.getEpoch());
      found.getOffsetsList().forEach(each -> starts.put(each.getQueue(), each.getOffset()));
    } else {
      from = (StartAt.Fixed) options.from;
    }
    nextOffsets.putAll(core.calls().join(feed.start(group, from, starts), options.openTimeout));
  }

  List<ReadMessage> poll(Duration timeout) {
    List<ReadMessage> messages;
    if (handedOut.isEmpty()) {
      messages = take(timeout);
    } else {
      // What an iterator fetched and did not give comes first.
      messages = List.copyOf(handedOut);
      handedOut.clear();
    }
    messages.forEach(this::passed);
    return messages;
  }

  /** Messages that are not passed yet: whoever gives them to the application says so. */
  private List<ReadMessage> take(Duration timeout) {
    long deadline = core.loop().nanoTime() + timeout.toNanos();
    try {
      while (true) {
        checkOpen();
        if (!buffer.await(deadline - core.loop().nanoTime())) {
          checkOpen();
          return List.of();
        }
        ReadBuffer.Event next = buffer.peek();
        if (next instanceof ReadBuffer.Lost lost) {
          buffer.remove(lost);
          nextOffsets.put(lost.range().queue(), lost.range().toOffset());
          if (options.onTrimmed == null) {
            throw lost.range().rethrown();
          }
          options.onTrimmed.accept(lost.range());
        } else if (next instanceof ReadBuffer.CaughtUp mark) {
          buffer.remove(mark);
          caughtUp = true;
        } else {
          List<ReadMessage> messages = takeMessages();
          if (!messages.isEmpty()) {
            return messages;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }

  boolean atEnd() {
    return handedOut.isEmpty() && buffer.isDrained();
  }

  boolean caughtUp() {
    return caughtUp;
  }

  SortedMap<Integer, Long> nextOffsets() {
    return new TreeMap<>(nextOffsets);
  }

  long fetchedBytes() {
    return buffer.bytes();
  }

  Iterator<ReadMessage> iterator() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        while (handedOut.isEmpty()) {
          if (closed || atEnd() || Thread.currentThread().isInterrupted()) {
            return false;
          }
          try {
            handedOut.addAll(take(ITERATOR_POLL));
          } catch (ClientClosed e) {
            return false;
          }
        }
        return true;
      }

      @Override
      public ReadMessage next() {
        if (!hasNext()) {
          throw new NoSuchElementException("the reader is at its end");
        }
        ReadMessage message = handedOut.pollFirst();
        passed(message);
        return message;
      }
    };
  }

  CompletableFuture<Void> commit(String consumerGroup) {
    return commits.commit(feed.group(), consumerGroup, nextOffsets());
  }

  void commitSync(String consumerGroup) {
    core.calls().join(commit(consumerGroup), core.callTimeout().multipliedBy(2));
  }

  void close() {
    if (!closed) {
      closed = true;
      feed.close();
      buffer.fail(new ClientClosed(Code.SHUTTING_DOWN, "the reader was closed"));
      buffer.clear();
      core.forget(this);
    }
  }

  private GetOffsetsResponse getOffsets(String group, GetOffsetsRequest request) {
    try {
      return core.calls()
          .join(
              core.calls()
                  .call(
                      AdminGrpc.getGetOffsetsMethod(),
                      request,
                      Calls.Repeat.QUERY,
                      group,
                      options.openTimeout),
              options.openTimeout);
    } catch (RequestRejected e) {
      if (e.code() == Code.CONSUMER_GROUP_NOT_FOUND) {
        // The first commit makes the group; until then it has come nowhere.
        return GetOffsetsResponse.getDefaultInstance();
      }
      throw e;
    }
  }

  private List<ReadMessage> takeMessages() {
    List<ReadMessage> messages = buffer.takeMessages(options.maxPoll);
    if (!messages.isEmpty()) {
      caughtUp = false;
    }
    feed.taken();
    return messages;
  }

  private void passed(ReadMessage message) {
    nextOffsets.put(message.queue(), message.offset() + 1);
  }

  private void checkOpen() {
    if (closed) {
      throw new ClientClosed(Code.SHUTTING_DOWN, "the reader is closed");
    }
  }
}
