package io.keelmq.local;

import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The processes of the demo's consumer group: two, one of which is killed and replaced. Owned by
 * the thread that runs the demo; each process's word is read on a thread of its own.
 */
final class DemoGroup implements AutoCloseable {

  static final String NAME = "demo-workers";
  private static final long END_SECONDS = 30;
  private static final String MEMORY = "-Xmx128m";

  private final LocalCluster cluster;
  private final Distribution distribution;
  private final DemoTally tally = new DemoTally();
  private final List<Member> members = new ArrayList<>();

  private record Member(int number, Process process, Thread listener) {}

  DemoGroup(LocalCluster cluster, Distribution distribution) {
    this.cluster = cluster;
    this.distribution = distribution;
  }

  DemoTally tally() {
    return tally;
  }

  /** Starts one more consumer. */
  void start() {
    List<String> command =
        distribution.javaCommand(
            DemoConsumer.class, List.of(MEMORY, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(
        List.of("--endpoints", cluster.endpoints(), "--topic", DemoRun.TOPIC, "--group", NAME));
    int number = members.size();
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectError(
                  NodeLauncher.logFile(cluster.dir(), "consumer-" + (number + 1)).toFile())
              .start();
      var listener = new Thread(() -> listen(number, process), "consumer-" + number);
      listener.setDaemon(true);
      listener.start();
      members.add(new Member(number, process, listener));
    } catch (IOException e) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, "cannot start a consumer: " + e.getMessage(), e);
    }
  }

  /** SIGKILL to the first one; returns when it is gone and all that it told is counted. */
  void killFirst() {
    Member first = members.get(0);
    tally.killed(first.number());
    first.process().destroyForcibly();
    awaitEnd(first);
  }

  /** Every message of the topic is settled by the group, and the consumers have told so. */
  boolean isDone(KeelClient client) {
    try {
      return tally.open() == 0
          && client.admin().describeConsumerGroup(NAME).getQueuesList().stream()
              .allMatch(
                  queue ->
                      queue.getCursorOffset() == queue.getEndOffset()
                          && queue.getLeased() + queue.getReady() + queue.getBlocked() == 0);
    } catch (KeelException e) {
      // Asked again.
      return false;
    }
  }

  /** In order, as far as they still run. */
  @Override
  public void close() {
    for (Member member : members) {
      if (member.process().isAlive()) {
        try {
          member.process().getOutputStream().close();
        } catch (IOException e) {
          member.process().destroyForcibly();
        }
      }
    }
    members.forEach(DemoGroup::awaitEnd);
  }

  private void listen(int number, Process process) {
    try (var in = new DataInputStream(new BufferedInputStream(process.getInputStream()))) {
      while (true) {
        int type = in.readByte();
        int queue = in.readInt();
        long offset = in.readLong();
        switch (type) {
          case DemoConsumer.TOOK -> tally.took(number, queue, offset);
          case DemoConsumer.ACKED -> tally.acked(queue, offset);
          default -> tally.doubted(queue, offset);
        }
      }
    } catch (EOFException e) {
      // It has ended, or was killed within a word.
      return;
    } catch (IOException e) {
      process.destroyForcibly();
    }
  }

  private static void awaitEnd(Member member) {
    try {
      if (!member.process().waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        member.process().destroyForcibly();
      }
      member.listener().join(TimeUnit.SECONDS.toMillis(END_SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
