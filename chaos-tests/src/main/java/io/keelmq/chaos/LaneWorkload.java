package io.keelmq.chaos;

import io.keelmq.client.KeelClient;
import io.keelmq.local.Seed;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * A producer and a reader for each {@link Lane}, all recorded in a history. Owned by the run; each
 * has a thread of its own.
 */
final class LaneWorkload implements AutoCloseable {

  private static final long JOIN_SECONDS = 90;

  private final Map<Lane, LaneSender> senders = new EnumMap<>(Lane.class);
  private final Map<Lane, LaneReader> readers = new EnumMap<>(Lane.class);
  private final List<Thread> senderThreads = new ArrayList<>();
  private final List<Thread> readerThreads = new ArrayList<>();
  private final List<String> troubles = Collections.synchronizedList(new ArrayList<>());
  private final ScheduledExecutorService later = Executors.newScheduledThreadPool(1);

  /** The topics are there already. */
  LaneWorkload(KeelClient client, int ratePerSecond, History history, Seed seed) {
    for (Lane lane : Lane.values()) {
      var random = seed.random(1_000 + lane.producer());
      // Half as many that wait as others.
      int rate = lane == Lane.TIMERS || lane == Lane.DEALS ? ratePerSecond / 2 : ratePerSecond;
      senders.put(lane, new LaneSender(lane, rate, client, history, random, later));
      readers.put(lane, new LaneReader(lane, client, history));
    }
  }

  void start() {
    readers.values().forEach(reader -> readerThreads.add(thread("reader", reader::run)));
    senders.values().forEach(sender -> senderThreads.add(thread("sender", sender::run)));
  }

  /** Of all lanes. */
  long oks() {
    return senders.values().stream().mapToLong(LaneSender::oks).sum();
  }

  long oks(Lane lane) {
    return senders.get(lane).oks();
  }

  long fails() {
    return senders.values().stream().mapToLong(LaneSender::fails).sum();
  }

  /** The readers have everything that they must get. */
  boolean isRead() {
    return senders.values().stream()
        .allMatch(sender -> readers.get(sender.lane()).delivered() >= sender.owed());
  }

  String progress() {
    var text = new StringBuilder();
    senders.forEach(
        (lane, sender) ->
            text.append(
                " %s: %d of %d, %d decisions open;"
                    .formatted(
                        lane,
                        readers.get(lane).delivered(),
                        sender.owed(),
                        sender.openDecisions())));
    return text.toString();
  }

  /** What went wrong in a way that is no answer to a send: it voids the run. */
  List<String> troubles() {
    synchronized (troubles) {
      return List.copyOf(troubles);
    }
  }

  /** Sends no more, and waits until every send and decision has its answer. */
  void stopSending() {
    senders.values().forEach(LaneSender::stop);
    senderThreads.forEach(this::join);
  }

  @Override
  public void close() {
    stopSending();
    readers.values().forEach(LaneReader::stop);
    readerThreads.forEach(this::join);
    later.shutdownNow();
  }

  private Thread thread(String name, Runnable work) {
    var thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (RuntimeException e) {
                troubles.add(name + " ended with " + e);
              }
            },
            "chaos-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void join(Thread thread) {
    try {
      thread.join(TimeUnit.SECONDS.toMillis(JOIN_SECONDS));
      if (thread.isAlive()) {
        troubles.add(thread.getName() + " does not end");
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
