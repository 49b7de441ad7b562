package io.keelmq.client;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.CompletableFuture;

/** Behind a {@link Reader}. */
interface ReadSession {
  List<ReadMessage> poll(Duration timeout);

  boolean atEnd();

  boolean caughtUp();

  SortedMap<Integer, Long> nextOffsets();

  Iterator<ReadMessage> iterator();

  CompletableFuture<Void> commit(String consumerGroup);

  void commitSync(String consumerGroup);

  void close();
}
