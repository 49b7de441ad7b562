package io.keelmq.local;

import io.keelmq.local.ClusterFailure.Kind;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/**
 * The processes of a cluster's nodes, and the cluster's file that remembers them.
 *
 * <p>Thread-safe. Every change is made to the file as it is then, under a lock file, so that
 * commands may run at the same time; within this JVM the lock of this object comes first. A process
 * is written down right after it was started: whoever opens the folder later, after a crash of this
 * JVM too, can stop what it finds there.
 */
final class NodeProcesses {

  static final String LOCK = "cluster.lock";
  private static final Duration KILL_DEADLINE = Duration.ofSeconds(10);
  private static final Duration PORT_DEADLINE = Duration.ofSeconds(1);
  private static final int LAST_LINES = 15;

  /** A lock file excludes other JVMs only. */
  private static final Object THIS_JVM = new Object();

  private final NodeLauncher launcher;
  // Guarded by this: what this JVM started, for the exit codes.
  private final Map<String, Process> children = new HashMap<>();
  // Guarded by this: of nodes that are not started from what the others are.
  private final Map<String, Release> installed = new HashMap<>();
  // Guarded by this: whether nothing is to be started any more.
  private boolean ended;
  // Guarded by this: as last read or written.
  private ClusterFile file;

  NodeProcesses(NodeLauncher launcher, ClusterFile file) {
    this.launcher = launcher;
    this.file = file;
  }

  Path dir() {
    return launcher.dir();
  }

  synchronized ClusterFile file() {
    return file;
  }

  synchronized void markInitialized() {
    locked(() -> change(ClusterFile::asInitialized));
  }

  synchronized void add(Node node) {
    locked(() -> change(now -> now.withNode(node)));
  }

  synchronized void remove(Node node) {
    locked(() -> change(now -> now.withoutNode(node)));
  }

  /** What the node is started from from now on; this JVM alone knows of it. */
  synchronized void install(Node node, Release release) {
    requireJars(release.distribution());
    installed.put(node.id(), release);
  }

  synchronized Optional<ProcessId> process(Node node) {
    return Optional.ofNullable(file.processes().get(node.id()));
  }

  boolean isRunning(Node node) {
    return process(node).filter(ProcessId::isRunning).isPresent();
  }

  ProcessId running(Node node) {
    return process(node)
        .filter(ProcessId::isRunning)
        .orElseThrow(() -> new ClusterFailure(Kind.PRECONDITION, node.id() + " does not run"));
  }

  /**
   * Starts those that do not run, all or, if a port is taken, none.
   *
   * @return those that were started
   */
  synchronized List<Node> launch(Collection<Node> nodes) {
    return launch(nodes, List.of());
  }

  /**
   * As the other one.
   *
   * @param jvmOptions more of them, for this start
   */
  synchronized List<Node> launch(Collection<Node> nodes, List<String> jvmOptions) {
    if (ended) {
      throw new ClusterFailure(
          Kind.PRECONDITION, "this cluster is being ended: nothing is started any more");
    }
    requireJars(launcher.distribution());
    var started = new ArrayList<Node>();
    locked(
        () -> {
          // Another command may have started them since.
          file = ClusterFile.load(dir());
          List<Node> down = nodes.stream().filter(node -> !isRunning(node)).toList();
          down.forEach(NodeProcesses::requireFreePorts);
          for (Node node : down) {
            launch(node, jvmOptions);
            started.add(node);
          }
        });
    return started;
  }

  /** SIGTERM, after {@code graceful} SIGKILL; returns when all are gone, and forgets them. */
  void stop(Collection<Node> nodes, Duration graceful) {
    for (Node node : nodes) {
      process(node)
          .ifPresent(
              process -> {
                process.terminate();
                // A paused process gets the signal only when it goes on.
                if (process.isPaused()) {
                  process.send(ProcessId.Signal.CONT);
                }
              });
    }
    Waiting.until(graceful, () -> nodes.stream().noneMatch(this::isRunning));
    kill(nodes);
    synchronized (this) {
      locked(() -> nodes.forEach(node -> change(now -> now.withoutProcess(node.id()))));
    }
  }

  /** Kills all; who still drives the cluster meanwhile starts nothing any more. */
  void end() {
    synchronized (this) {
      ended = true;
    }
    kill(file().nodes());
  }

  /** SIGKILL to all at one moment; returns when they are gone. */
  void kill(Collection<Node> nodes) {
    nodes.forEach(node -> process(node).ifPresent(ProcessId::kill));
    for (Node node : nodes) {
      if (!Waiting.until(KILL_DEADLINE, () -> !isRunning(node))) {
        throw new ClusterFailure(
            Kind.FAILED, node.id() + " does not end, even after SIGKILL: " + process(node));
      }
    }
  }

  ClusterFailure diedAtStart(Node node) {
    Process child;
    synchronized (this) {
      child = children.get(node.id());
    }
    String exit = child != null && hasEnded(child) ? " with exit code " + child.exitValue() : "";
    return new ClusterFailure(
        Kind.FAILED,
        "%s ended%s while it was starting; the last lines of %s:\n  %s"
            .formatted(
                node.id(),
                exit,
                NodeLauncher.logFile(dir(), node.id()),
                String.join("\n  ", NodeLauncher.tail(dir(), node.id(), LAST_LINES))));
  }

  /** That a process is gone is seen a moment before its parent is told how it ended. */
  private static boolean hasEnded(Process child) {
    try {
      return child.waitFor(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void launch(Node node, List<String> jvmOptions) {
    Release release =
        installed.getOrDefault(
            node.id(), new Release(launcher.distribution(), file.brokerSettings()));
    Process child = launcher.launch(node, file.nodes(), release, jvmOptions);
    children.put(node.id(), child);
    ProcessId process = ProcessId.of(child.pid()).orElseThrow(() -> diedAtStart(node));
    change(now -> now.withProcess(node.id(), process));
  }

  private static void requireJars(Distribution distribution) {
    if (!distribution.hasJars()) {
      throw new ClusterFailure(
          Kind.PRECONDITION,
          "no jars in %s; run `mvn -DskipTests package`"
              .formatted(distribution.home().resolve("lib")));
    }
  }

  private static void requireFreePorts(Node node) {
    var ports = new LinkedHashMap<String, Integer>();
    ports.put("client", node.clientPort());
    ports.put("ops", node.opsPort());
    if (node.isBroker()) {
      ports.put("raft", node.raftPort());
    }
    ports.forEach(
        (use, port) -> {
          // A process that has just ended may take a moment to let go of it.
          if (!Waiting.until(PORT_DEADLINE, () -> PortPlan.isFree(port))) {
            throw new ClusterFailure(
                Kind.PRECONDITION,
                ("port %d (%s of %s) is taken by another program: stop that, or choose others by"
                        + " --port-offset 100 or --ports free (a cluster that exists already keeps"
                        + " its ports: then --dir names a folder for another)")
                    .formatted(port, use, node.id()));
          }
        });
  }

  /** Under both locks. */
  private void change(UnaryOperator<ClusterFile> how) {
    file = how.apply(ClusterFile.load(dir()));
    file.save(dir());
  }

  private void locked(Runnable work) {
    synchronized (THIS_JVM) {
      try (var channel =
              FileChannel.open(
                  dir().resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          var lock = channel.lock()) {
        if (lock.isValid()) {
          work.run();
        }
      } catch (IOException e) {
        throw new ClusterFailure(Kind.FAILED, "cannot lock " + dir().resolve(LOCK) + ": " + e, e);
      }
    }
  }
}
