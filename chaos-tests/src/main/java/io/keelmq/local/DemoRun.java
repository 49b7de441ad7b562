package io.keelmq.local;

import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Reader;
import io.keelmq.client.Unavailable;
import io.keelmq.local.ClusterFailure.Kind;
import io.keelmq.local.DemoText.TextFile;
import io.keelmq.v1.ConsumerGroupKind;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * Sends the text, kills the leader and a consumer while it flows, and reads it back at the same
 * time. Owned by the thread that runs it; the reader and the killers have one each, and the
 * consumers are processes.
 */
final class DemoRun {

  static final String TOPIC = "demo";
  private static final int QUEUES = 8;
  private static final String LINE_PROPERTY = "line";

  /** Lines of that many files are sent in turn, so that a batch mixes keys. */
  private static final int OPEN_FILES = 64;

  private static final int MAX_IN_FLIGHT = 2_000;
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration DELIVERY_TIMEOUT = Duration.ofMinutes(1);
  private static final Duration DRAIN_DEADLINE = Duration.ofSeconds(30);
  private static final Duration CONSUME_DEADLINE = Duration.ofMinutes(2);

  private final LocalCluster cluster;
  private final DemoText text;
  private final long killAtLine;
  private final Consumer<String> progress;
  private final DemoAcks acks = new DemoAcks();
  private final DemoAssembly assembly;
  private final DemoGroup group;
  private volatile boolean reading = true;
  private String killedNode = "";
  private double restartSeconds;

  /**
   * @param group consumes what is sent; started and ended here
   */
  DemoRun(
      LocalCluster cluster,
      DemoGroup group,
      DemoText text,
      double killAt,
      Consumer<String> progress) {
    this.group = group;
    this.cluster = cluster;
    this.text = text;
    this.killAtLine = (long) (text.lines() * killAt);
    this.progress = progress;
    this.assembly = new DemoAssembly(text);
  }

  DemoReport run(double startSeconds) {
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try (group;
        var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic(TOPIC, QUEUES);
      client.admin().createConsumerGroup(DemoGroup.NAME, ConsumerGroupKind.LEASE);
      group.start();
      group.start();
      var replaced = CompletableFuture.runAsync(this::replaceConsumer, threads);
      var reader = CompletableFuture.runAsync(() -> read(client), threads);
      long beganNanos = System.nanoTime();
      long retried = sendAll(client, threads);
      double seconds = (System.nanoTime() - beganNanos) / 1e9;
      Waiting.until(DRAIN_DEADLINE, () -> assembly.received() >= text.lines() || reader.isDone());
      await(replaced);
      boolean consumed = Waiting.until(CONSUME_DEADLINE, () -> group.isDone(client));
      // One more poll shows copies that come after the last line.
      reading = false;
      await(reader);
      return report(retried, seconds, startSeconds, consumed);
    } finally {
      reading = false;
      threads.shutdownNow();
    }
  }

  /** Returns how many batches were sent again. */
  private long sendAll(KeelClient client, ExecutorService threads) {
    var killer = new CompletableFuture<Void>();
    var inFlight = new Semaphore(MAX_IN_FLIGHT);
    var open = new ArrayDeque<OpenFile>();
    Iterator<TextFile> files = text.files().iterator();
    long sent = 0;
    try (Producer producer = client.producer().deliveryTimeout(DELIVERY_TIMEOUT).open()) {
      while (files.hasNext() || !open.isEmpty()) {
        while (open.size() < OPEN_FILES && files.hasNext()) {
          open.add(new OpenFile(files.next()));
        }
        OpenFile file = open.remove();
        if (!file.hasNext()) {
          continue;
        }
        if (sent == killAtLine) {
          killer = CompletableFuture.runAsync(this::killAndRestart, threads);
        }
        send(producer, file.nextMessage(), inFlight);
        sent++;
        open.add(file);
      }
      producer.flush(DELIVERY_TIMEOUT);
      long retried = producer.stats().republishedBatches();
      await(killer);
      return retried;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(Kind.FAILED, "interrupted", e);
    }
  }

  private void send(Producer producer, OutgoingMessage message, Semaphore inFlight)
      throws InterruptedException {
    inFlight.acquire();
    long sentNanos = System.nanoTime();
    try {
      producer
          .send(message)
          .whenComplete(
              (receipt, failure) -> {
                if (failure == null) {
                  acks.ack(sentNanos, System.nanoTime());
                } else {
                  acks.fail(failure);
                }
                inFlight.release();
              });
    } catch (KeelException e) {
      acks.fail(e);
      inFlight.release();
    }
  }

  private void killAndRestart() {
    Node leader = cluster.leader();
    acks.killedAt(System.nanoTime());
    cluster.kill(leader);
    killedNode = leader.id();
    progress.accept("killed the leader, " + leader.id() + ", after " + acks.acked() + " acks");
    // It comes back when another one leads already, not in time to be elected again.
    Waiting.until(
        DELIVERY_TIMEOUT, () -> acks.answeredAfterKill() || acks.settled() >= text.lines());
    long startNanos = System.nanoTime();
    cluster.startNode(leader);
    cluster.awaitReady(List.of(leader), LocalCluster.START_DEADLINE);
    restartSeconds = (System.nanoTime() - startNanos) / 1e9;
    progress.accept(leader.id() + " is back");
  }

  /** When it has taken a fifth, before the leader is killed or after it. */
  private void replaceConsumer() {
    boolean works =
        Waiting.until(CONSUME_DEADLINE, () -> group.tally().taken() >= text.lines() / 5);
    if (works) {
      group.killFirst();
      progress.accept(
          "killed a consumer of the group, after " + group.tally().acked() + " of its acks");
      group.start();
    }
  }

  private void read(KeelClient client) {
    try (Reader reader = client.reader(TOPIC).follow(true).open()) {
      boolean last = false;
      while (!last) {
        last = !reading;
        try {
          List<ReadMessage> messages = reader.poll(POLL);
          messages.forEach(this::assemble);
          last = last && messages.isEmpty();
        } catch (Unavailable e) {
          // It keeps trying, and gives up nothing.
          last = !reading;
        }
      }
    }
  }

  private void assemble(ReadMessage message) {
    String file = message.keys().isEmpty() ? "" : message.keys().get(0);
    String number = message.properties().getOrDefault(LINE_PROPERTY, "-1");
    assembly.add(file, Integer.parseInt(number), message.bodyText());
  }

  private DemoReport report(
      long retriedBatches, double seconds, double startSeconds, boolean consumed) {
    return new DemoReport(
        text,
        text.lines(),
        acks.acked(),
        acks.failed(),
        acks.firstFailure(),
        retriedBatches,
        assembly.received(),
        assembly.lost(),
        assembly.duplicated(),
        assembly.outOfOrder(),
        assembly.foreign(),
        text.sha256(),
        assembly.sha256(),
        seconds,
        acks.millisAtPercentile(50),
        acks.millisAtPercentile(99),
        killedNode,
        acks.longestPauseMillis(),
        restartSeconds,
        startSeconds,
        DemoReport.Group.of(group.tally(), text.lines(), consumed));
  }

  private static void await(CompletableFuture<Void> work) {
    try {
      work.get(2 * DELIVERY_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof ClusterFailure known) {
        throw known;
      }
      throw new ClusterFailure(Kind.FAILED, "the demo broke: " + e.getCause(), e);
    } catch (TimeoutException e) {
      throw new ClusterFailure(Kind.UNAVAILABLE, "the demo does not come to its end", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(Kind.FAILED, "interrupted", e);
    }
  }

  /** A file that is being sent. */
  private static final class OpenFile {
    private final TextFile file;
    private int next;

    OpenFile(TextFile file) {
      this.file = file;
    }

    boolean hasNext() {
      return next < file.lines().size();
    }

    OutgoingMessage nextMessage() {
      int number = next++;
      return OutgoingMessage.builder(TOPIC)
          .key(file.name())
          .property(LINE_PROPERTY, Integer.toString(number))
          .body(file.lines().get(number))
          .build();
    }
  }
}
