package io.keelmq.broker.raft;

import io.keelmq.raftlog.PoisonedLogException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Why a replica can take no further part in its group: the first cause counts, is logged, and is
 * told to whoever ends the process. A replica that is damaged may take part for a while yet, so a
 * disk that fails behind that is told too. Thread-safe.
 */
final class Departure implements Consumer<Throwable> {

  private static final Logger LOG = LoggerFactory.getLogger(Departure.class);

  private final Consumer<Throwable> told;
  private final AtomicReference<ReplicaFolder> folder = new AtomicReference<>();
  private final AtomicReference<Throwable> first = new AtomicReference<>();

  Departure(Consumer<Throwable> told) {
    this.told = told;
  }

  /** The folder is open: from now on its log can be asked what is wrong with it. */
  void of(ReplicaFolder opened) {
    folder.set(opened);
  }

  /** Damage was met. Of what is met before the folder is open, its opening tells. */
  void damaged(Throwable damage) {
    if (folder.get() != null) {
      accept(damage);
    }
  }

  Optional<Throwable> cause() {
    return Optional.ofNullable(first.get());
  }

  boolean isOfFullDisk() {
    return cause().filter(why -> StorageFailure.of(why) == StorageFailure.FULL).isPresent();
  }

  @Override
  public void accept(Throwable reported) {
    Throwable cause = root(reported);
    if (first.compareAndSet(null, cause) || isWorse(cause)) {
      log(cause);
      told.accept(cause);
    }
  }

  /** Once: that of the log stays poisoned. */
  private boolean isWorse(Throwable cause) {
    Throwable before = first.get();
    return Damage.in(before).isPresent()
        && StorageFailure.of(cause) != StorageFailure.NONE
        && first.compareAndSet(before, cause);
  }

  /** JRaft tells that the log failed, and keeps why to itself; the log knows. */
  private Throwable root(Throwable reported) {
    return Optional.ofNullable(folder.get())
        .filter(opened -> Damage.in(reported).isEmpty())
        .flatMap(opened -> opened.log().poison())
        .map(Throwable.class::cast)
        .orElse(reported);
  }

  /** What says by itself what is wrong and what to do needs no stack. */
  private static void log(Throwable cause) {
    if (Damage.in(cause).isPresent()
        || cause instanceof PoisonedLogException
        || cause instanceof UnsupportedLevelException) {
      LOG.error("this replica leaves its group: {}", cause.getMessage());
      LOG.debug("it was found here", cause);
    } else {
      LOG.error("this replica leaves its group: {}", cause.toString(), cause);
    }
  }
}
