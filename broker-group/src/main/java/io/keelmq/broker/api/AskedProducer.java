package io.keelmq.broker.api;

import io.grpc.SynchronizationContext;
import io.grpc.stub.ServerCallStreamObserver;
import io.keelmq.v1.PublishResponse;
import io.keelmq.v1.TransactionCheck;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * A Publish stream on which checks are asked, for as long as its session lives. Thread-safe: what
 * is sent is sent in the session's turn.
 */
final class AskedProducer implements TransactionChecks.Asked {

  private final TransactionChecks checks;
  private final Set<String> topics;
  private final SynchronizationContext turn;
  private final ServerCallStreamObserver<PublishResponse> producerSide;
  private final BooleanSupplier ended;
  private final ApiStats stats;

  /**
   * @param ended asked in the session's turn
   */
  AskedProducer(
      TransactionChecks checks,
      Set<String> topics,
      SynchronizationContext turn,
      ServerCallStreamObserver<PublishResponse> producerSide,
      BooleanSupplier ended,
      ApiStats stats) {
    this.checks = checks;
    this.topics = topics;
    this.turn = turn;
    this.producerSide = producerSide;
    this.ended = ended;
    this.stats = stats;
  }

  void begin() {
    checks.add(topics, this);
  }

  void end() {
    checks.remove(topics, this);
  }

  @Override
  public boolean isReady() {
    return producerSide.isReady();
  }

  @Override
  public void ask(TransactionCheck check, Runnable heard) {
    turn.execute(
        () -> {
          if (ended.getAsBoolean() || !producerSide.isReady()) {
            stats.checksDropped.increment();
            return;
          }
          stats.checksAsked.increment();
          producerSide.onNext(PublishResponse.newBuilder().setCheck(check).build());
          heard.run();
        });
  }
}
