package io.keelmq.client;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Behind a {@link Producer}. */
interface PublishLine {
  CompletableFuture<Receipt> send(OutgoingMessage message);

  Receipt sendSync(OutgoingMessage message);

  boolean flush(Duration timeout);

  ProducerStats stats();

  String producerId();

  void close();
}
