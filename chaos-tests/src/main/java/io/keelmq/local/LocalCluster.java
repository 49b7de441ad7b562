package io.keelmq.local;

import io.keelmq.local.ClusterFailure.Kind;
import io.keelmq.local.NodeStatus.State;
import io.keelmq.local.OpsProbe.Readiness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * Name servers and a broker group as processes on this machine.
 *
 * <p>Thread-safe: a lock guards the cluster's file. The file tells each node's process, and is
 * written right after a process was started, so that whoever opens the folder later, after a crash
 * of this JVM too, can stop what it finds there.
 */
public final class LocalCluster {

  public static final Duration START_DEADLINE = Duration.ofSeconds(60);
  private static final Duration PROBE_TIMEOUT = Duration.ofMillis(500);
  private static final Duration LEADER_DEADLINE = Duration.ofSeconds(10);
  private static final Duration KILL_DEADLINE = Duration.ofSeconds(10);
  private static final long POLL_MILLIS = 20;
  private static final int LAST_LINES = 15;

  private final Path dir;
  private final NodeLauncher launcher;
  private final GroupBootstrap bootstrap;
  // Exit codes of nodes that this JVM started. Guarded by this, as is `file`.
  private final Map<String, Process> children = new HashMap<>();
  private ClusterFile file;

  private LocalCluster(NodeLauncher launcher, GroupBootstrap bootstrap, ClusterFile file) {
    this.dir = launcher.dir();
    this.launcher = launcher;
    this.bootstrap = bootstrap;
    this.file = file;
  }

  /** A cluster in a folder that holds none yet. Writes the cluster's file, starts nothing. */
  public static LocalCluster create(ClusterOptions options, GroupBootstrap bootstrap) {
    Path dir = options.dir();
    if (ClusterFile.exists(dir)) {
      throw new ClusterFailure(Kind.PRECONDITION, dir + " holds a cluster already");
    }
    try {
      Files.createDirectories(dir);
    } catch (IOException e) {
      throw new ClusterFailure(Kind.FAILED, "cannot make the folder " + dir + ": " + e, e);
    }
    var nodes = options.ports().place(options.brokers(), options.nameServers());
    var file = new ClusterFile(nodes, false, Map.of(), options.brokerSettings());
    file.save(dir);
    var launcher =
        new NodeLauncher(
            dir, options.distribution(), options.jvmOptions(), options.extraClassPath());
    return new LocalCluster(launcher, bootstrap, file);
  }

  /** The cluster that lives in the folder, running or not. */
  public static LocalCluster open(
      Path folder, Optional<Distribution> distribution, GroupBootstrap bootstrap) {
    Path dir = folder.toAbsolutePath().normalize();
    if (!ClusterFile.exists(dir)) {
      throw new ClusterFailure(
          Kind.NOT_FOUND,
          "there is no cluster in "
              + dir
              + "; `scripts/cluster start` makes one, --dir names"
              + " another folder");
    }
    var home = distribution.orElse(new Distribution(Path.of("")));
    var launcher = new NodeLauncher(dir, home, List.of(), List.of());
    return new LocalCluster(launcher, bootstrap, ClusterFile.load(dir));
  }

  public Path dir() {
    return dir;
  }

  public synchronized List<Node> nodes() {
    return file.nodes();
  }

  public List<Node> brokers() {
    return nodes().stream().filter(Node::isBroker).toList();
  }

  public List<Node> nameServers() {
    return nodes().stream().filter(node -> !node.isBroker()).toList();
  }

  public synchronized Map<String, String> brokerSettings() {
    return file.brokerSettings();
  }

  /** What a client is given to find the cluster. */
  public String endpoints() {
    return NodeLauncher.nameServers(nodes());
  }

  /**
   * @param name a node's id, or {@code leader}
   */
  public Node node(String name) {
    if (name.equals("leader")) {
      return leader();
    }
    return nodes().stream()
        .filter(node -> node.id().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new ClusterFailure(
                    Kind.NOT_FOUND,
                    "there is no node "
                        + name
                        + "; expected leader or one of "
                        + nodes().stream().map(Node::id).collect(Collectors.joining(", "))));
  }

  /** Starts every node that does not run, initializes the group if need be, waits until ready. */
  public void start(Duration deadline) {
    long endNanos = System.nanoTime() + deadline.toNanos();
    List<Node> starting = nodes().stream().filter(node -> !isRunning(node)).toList();
    checkPorts(starting);
    try {
      for (Node node : starting) {
        launch(node);
      }
      awaitReady(nodes(), endNanos);
    } catch (RuntimeException e) {
      // A start that fails leaves nothing running that did not run before.
      stopNodes(starting, Duration.ofSeconds(2));
      throw e;
    }
  }

  /** Starts one node and does not wait for it. */
  public void startNode(Node node) {
    if (isRunning(node)) {
      throw new ClusterFailure(Kind.PRECONDITION, node.id() + " runs already, as pid " + pid(node));
    }
    checkPorts(List.of(node));
    launch(node);
  }

  public void awaitReady(Collection<Node> nodes, Duration deadline) {
    awaitReady(nodes, System.nanoTime() + deadline.toNanos());
  }

  public boolean isReady(Node node) {
    return isRunning(node)
        && OpsProbe.readiness(node.ops(), PROBE_TIMEOUT).filter(Readiness::ready).isPresent();
  }

  public List<NodeStatus> status() {
    return nodes().stream().map(this::status).toList();
  }

  public NodeStatus status(Node node) {
    Optional<ProcessId> process = process(node);
    if (process.isEmpty()) {
      return new NodeStatus(node, "-", State.STOPPED, 0, "");
    }
    long pid = process.get().pid();
    if (!process.get().isRunning()) {
      return new NodeStatus(node, "-", State.DEAD, 0, "its process " + pid + " is gone");
    }
    if (process.get().isPaused()) {
      return new NodeStatus(node, "-", State.PAUSED, pid, "");
    }
    Optional<Readiness> answer = OpsProbe.readiness(node.ops(), PROBE_TIMEOUT);
    if (answer.isEmpty()) {
      return new NodeStatus(node, "-", State.NOT_READY, pid, "no answer at " + node.ops());
    }
    State state = answer.get().ready() ? State.READY : State.NOT_READY;
    String role = answer.get().role().isEmpty() ? "-" : answer.get().role();
    return new NodeStatus(
        node, role, state, pid, answer.get().ready() ? "" : answer.get().reason());
  }

  /** The broker that says it leads, as soon as exactly one does. */
  public Node leader() {
    var leaders = new ArrayList<Node>();
    boolean found =
        eventually(
            LEADER_DEADLINE,
            () -> {
              leaders.clear();
              brokers().stream().filter(node -> status(node).isLeader()).forEach(leaders::add);
              return leaders.size() == 1;
            });
    if (!found) {
      throw new ClusterFailure(
          Kind.UNAVAILABLE,
          leaders.size() + " brokers say that they lead, expected 1; see `scripts/cluster status`");
    }
    return leaders.get(0);
  }

  /** SIGKILL; returns when the process is gone. */
  public void kill(Node node) {
    running(node).kill();
    awaitGone(node);
  }

  /** SIGKILL to all at one moment. */
  public void killAll(Collection<Node> nodes) {
    nodes.forEach(node -> running(node).kill());
    nodes.forEach(this::awaitGone);
  }

  public void pause(Node node) {
    running(node).send(ProcessId.Signal.STOP);
  }

  public void resume(Node node) {
    running(node).send(ProcessId.Signal.CONT);
  }

  /** SIGTERM, after {@code graceful} SIGKILL; returns when every process is gone. */
  public void stop(Duration graceful) {
    // Brokers first: they take leave of the name servers.
    stopNodes(brokers(), graceful);
    stopNodes(nameServers(), graceful);
  }

  public void stopNode(Node node, Duration graceful) {
    stopNodes(List.of(node), graceful);
  }

  /** Kills what runs, for exits in a hurry; waits a little for it to be gone. Never throws. */
  public void killEverything() {
    nodes().forEach(node -> process(node).ifPresent(ProcessId::kill));
    eventually(KILL_DEADLINE, () -> nodes().stream().noneMatch(this::isRunning));
  }

  /** No node was ever started: nothing is lost if it is made again with other options. */
  boolean isUntouched() {
    return !Files.exists(dir.resolve("logs"));
  }

  public List<String> tail(Node node, int lines) {
    return NodeLauncher.tail(dir, node.id(), lines);
  }

  public Path logFile(Node node) {
    return NodeLauncher.logFile(dir, node.id());
  }

  public Path dataDir(Node node) {
    return NodeLauncher.dataDir(dir, node.id());
  }

  public boolean isRunning(Node node) {
    return process(node).filter(ProcessId::isRunning).isPresent();
  }

  /** 0 if it does not run. */
  public long pid(Node node) {
    return process(node).filter(ProcessId::isRunning).map(ProcessId::pid).orElse(0L);
  }

  private synchronized Optional<ProcessId> process(Node node) {
    return Optional.ofNullable(file.processes().get(node.id()));
  }

  private ProcessId running(Node node) {
    return process(node)
        .filter(ProcessId::isRunning)
        .orElseThrow(() -> new ClusterFailure(Kind.PRECONDITION, node.id() + " does not run"));
  }

  private void checkPorts(List<Node> starting) {
    for (Node node : starting) {
      var ports = new LinkedHashMap<String, Integer>();
      ports.put(node.isBroker() ? "client" : "name server", node.clientPort());
      ports.put("ops", node.opsPort());
      if (node.isBroker()) {
        ports.put("raft", node.raftPort());
      }
      ports.forEach(
          (use, port) -> {
            if (!PortPlan.isFree(port)) {
              throw new ClusterFailure(
                  Kind.PRECONDITION,
                  "port %d (%s of %s) is taken by another program: stop that, or choose others by"
                          .formatted(port, use, node.id())
                      + " --port-offset 100 or --ports free (a cluster that exists already keeps its"
                      + " ports: then --dir names a folder for another)");
            }
          });
    }
  }

  private synchronized void launch(Node node) {
    if (!launcher.distribution().hasJars()) {
      throw new ClusterFailure(
          Kind.PRECONDITION,
          "no jars in "
              + launcher.distribution().home().resolve("lib")
              + "; run `mvn -DskipTests package`");
    }
    Process child = launcher.launch(node, file.nodes(), file.brokerSettings());
    Optional<ProcessId> process = ProcessId.of(child.pid());
    if (process.isEmpty()) {
      throw diedAtStart(node, Optional.of(child));
    }
    children.put(node.id(), child);
    file = file.withProcess(node.id(), process.get());
    file.save(dir);
  }

  private void awaitReady(Collection<Node> wanted, long endNanos) {
    var waiting = new ArrayList<>(wanted);
    while (!waiting.isEmpty()) {
      var answers = new LinkedHashMap<Node, Optional<Readiness>>();
      for (Node node : waiting) {
        if (!isRunning(node)) {
          throw diedAtStart(node, child(node));
        }
        answers.put(node, OpsProbe.readiness(node.ops(), PROBE_TIMEOUT));
      }
      waiting.removeIf(node -> answers.get(node).filter(Readiness::ready).isPresent());
      if (needsInit(answers)) {
        initialize(endNanos);
      } else if (!waiting.isEmpty()) {
        if (System.nanoTime() > endNanos) {
          throw notReady(waiting, answers);
        }
        pause();
      }
    }
  }

  /** When every broker of a group that was never initialized is up and waits for it. */
  private synchronized boolean needsInit(Map<Node, Optional<Readiness>> answers) {
    return !file.initialized()
        && answers.entrySet().stream().noneMatch(e -> e.getValue().isEmpty())
        && answers.entrySet().stream()
            .filter(e -> e.getKey().isBroker())
            .anyMatch(e -> e.getValue().orElseThrow().role().equals("UNINITIALIZED"));
  }

  private void initialize(long endNanos) {
    Duration left = Duration.ofNanos(Math.max(1, endNanos - System.nanoTime()));
    bootstrap.initialize(endpoints(), brokers().size(), left);
    synchronized (this) {
      file = file.asInitialized();
      file.save(dir);
    }
  }

  private synchronized Optional<Process> child(Node node) {
    return Optional.ofNullable(children.get(node.id()));
  }

  private ClusterFailure diedAtStart(Node node, Optional<Process> child) {
    String exit =
        child
            .filter(process -> !process.isAlive())
            .map(process -> " with exit code " + process.exitValue())
            .orElse("");
    return new ClusterFailure(
        Kind.FAILED,
        node.id()
            + " ended"
            + exit
            + " while it was starting; the last lines of "
            + logFile(node)
            + ":\n  "
            + String.join("\n  ", tail(node, LAST_LINES)));
  }

  private ClusterFailure notReady(List<Node> waiting, Map<Node, Optional<Readiness>> answers) {
    var text = new StringBuilder("not ready in time:");
    for (Node node : waiting) {
      text.append("\n  ").append(node.id()).append(": ");
      text.append(
          answers
              .get(node)
              .map(answer -> answer.role() + " " + answer.reason())
              .orElse("no answer at " + node.ops()));
      text.append("; its log: ").append(logFile(node));
    }
    return new ClusterFailure(Kind.UNAVAILABLE, text.toString());
  }

  private void stopNodes(List<Node> nodes, Duration graceful) {
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
    eventually(graceful, () -> nodes.stream().noneMatch(this::isRunning));
    nodes.forEach(node -> process(node).ifPresent(ProcessId::kill));
    for (Node node : nodes) {
      awaitGone(node);
      synchronized (this) {
        file = file.withoutProcess(node.id());
        file.save(dir);
      }
    }
  }

  private void awaitGone(Node node) {
    if (!eventually(KILL_DEADLINE, () -> !isRunning(node))) {
      throw new ClusterFailure(
          Kind.FAILED, node.id() + " (pid " + pid(node) + ") does not end, even after SIGKILL");
    }
  }

  private static boolean eventually(Duration deadline, BooleanSupplier condition) {
    long endNanos = System.nanoTime() + deadline.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > endNanos) {
        return false;
      }
      pause();
    }
    return true;
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(Kind.FAILED, "interrupted while waiting for a node", e);
    }
  }
}
