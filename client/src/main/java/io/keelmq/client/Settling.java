package io.keelmq.client;

import io.keelmq.v1.SettlementKind;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;

/** A wish about one leased message, from the application's call to the broker's word on it. */
final class Settling {

  private final ConsumedMessage message;
  private final SettlementKind kind;
  private final long millis;
  private final CompletableFuture<Void> decided;
  private final CompletableFuture<Instant> extended;

  /** Of the loop: later messages of the lease that this one takes along. */
  int companions;

  Settling(ConsumedMessage message, SettlementKind kind, long millis) {
    this.message = message;
    this.kind = kind;
    this.millis = millis;
    boolean extension = kind == SettlementKind.EXTEND;
    decided = extension ? null : new CompletableFuture<>();
    extended = extension ? new CompletableFuture<>() : null;
  }

  ConsumedMessage message() {
    return message;
  }

  SettlementKind kind() {
    return kind;
  }

  long millis() {
    return millis;
  }

  boolean isExtension() {
    return extended != null;
  }

  /** Messages that are counted against the consumer's limit until this is written. */
  int counted() {
    return isExtension() ? 0 : (message.lapsed ? 0 : 1) + companions;
  }

  CompletableFuture<Void> decided() {
    return decided;
  }

  CompletableFuture<Instant> extended() {
    return extended;
  }

  void succeed() {
    if (isExtension()) {
      extended.complete(message.deadline());
    } else {
      decided.complete(null);
    }
  }

  void fail(RuntimeException why) {
    if (isExtension()) {
      extended.completeExceptionally(why);
    } else {
      decided.completeExceptionally(why);
    }
  }
}
