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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Name servers and a broker group as processes on this machine, in one folder: {@code
 * cluster.properties}, {@code logs/NODE.log}, {@code data/NODE}. Everything in it survives the
 * processes, and this JVM.
 *
 * <p>Thread-safe: its state is that of {@link NodeProcesses}.
 */
public final class LocalCluster {

  public static final Duration START_DEADLINE = Duration.ofSeconds(60);
  private static final Duration PROBE_TIMEOUT = Duration.ofMillis(500);
  private static final Duration LEADER_DEADLINE = Duration.ofSeconds(10);
  private static final Duration FAILED_START_STOP = Duration.ofSeconds(2);

  private final NodeProcesses processes;
  private final GroupBootstrap bootstrap;

  private LocalCluster(NodeProcesses processes, GroupBootstrap bootstrap) {
    this.processes = processes;
    this.bootstrap = bootstrap;
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
            dir,
            options.distribution(),
            options.jvmOptions(),
            options.nodeJvmOptions(),
            options.extraClassPath());
    return new LocalCluster(new NodeProcesses(launcher, file), bootstrap);
  }

  /**
   * The cluster that lives in the folder, running or not.
   *
   * @param distribution empty if nothing will be started
   */
  public static LocalCluster open(
      Path folder, Optional<Distribution> distribution, GroupBootstrap bootstrap) {
    Path dir = folder.toAbsolutePath().normalize();
    if (!ClusterFile.exists(dir)) {
      throw new ClusterFailure(
          Kind.NOT_FOUND,
          "there is no cluster in %s; `scripts/cluster start` makes one, --dir names another folder"
              .formatted(dir));
    }
    var home = distribution.orElse(new Distribution(Path.of("")));
    var launcher = new NodeLauncher(dir, home, List.of(), Map.of(), List.of());
    return new LocalCluster(new NodeProcesses(launcher, ClusterFile.load(dir)), bootstrap);
  }

  public Path dir() {
    return processes.dir();
  }

  public List<Node> nodes() {
    return processes.file().nodes();
  }

  public List<Node> brokers() {
    return nodes().stream().filter(Node::isBroker).toList();
  }

  public List<Node> nameServers() {
    return nodes().stream().filter(node -> !node.isBroker()).toList();
  }

  public Map<String, String> brokerSettings() {
    return processes.file().brokerSettings();
  }

  /** What a client is given to find the cluster. */
  public String endpoints() {
    return NodeLauncher.nameServers(nodes());
  }

  /**
   * Finds a node.
   *
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
                    "there is no node %s; expected leader or one of %s"
                        .formatted(
                            name,
                            nodes().stream().map(Node::id).collect(Collectors.joining(", ")))));
  }

  /** Starts every node that does not run, initializes the group if need be, waits until ready. */
  public void start(Duration deadline) {
    long endNanos = System.nanoTime() + deadline.toNanos();
    List<Node> started = processes.launch(nodes());
    try {
      awaitReady(nodes(), endNanos);
    } catch (RuntimeException e) {
      // A start that fails leaves nothing running that did not run before.
      processes.stop(started, FAILED_START_STOP);
      throw e;
    }
  }

  /**
   * From the next start on, the node is started from this; its folder stays. Whoever opens the
   * cluster's folder later starts it from what they name.
   */
  public void install(Node node, Release release) {
    processes.install(node, release);
  }

  /** Starts one node and does not wait for it. */
  public void startNode(Node node) {
    startNode(node, List.of());
  }

  /** As the other one, with more options for the JVM of this one start. */
  public void startNode(Node node, List<String> jvmOptions) {
    if (processes.launch(List.of(node), jvmOptions).isEmpty()) {
      throw new ClusterFailure(Kind.PRECONDITION, node.id() + " runs already, as pid " + pid(node));
    }
  }

  /**
   * Waits until these are ready.
   *
   * @throws ClusterFailure if one ends, or is not ready in time
   */
  public void awaitReady(Collection<Node> nodes, Duration deadline) {
    awaitReady(nodes, System.nanoTime() + deadline.toNanos());
  }

  public List<NodeStatus> status() {
    return nodes().stream().map(this::status).toList();
  }

  public NodeStatus status(Node node) {
    Optional<ProcessId> process = processes.process(node);
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

  /**
   * Ends a broker, deletes its data and starts it again, as after the loss of its disk. It comes
   * back by itself; see {@link #awaitVoter}.
   *
   * @throws ClusterFailure if the others would be no majority: then it could never come back
   */
  public void wipe(Node node, Duration graceful) {
    wipe(node, graceful, List.of());
  }

  /** As the other one, with more options for the JVM of this one start. */
  public void wipe(Node node, Duration graceful, List<String> jvmOptions) {
    if (!node.isBroker()) {
      throw new ClusterFailure(
          Kind.USAGE, node.id() + " is a name server: it keeps nothing that could be wiped");
    }
    long others =
        brokers().stream()
            .filter(other -> !other.equals(node))
            .filter(other -> status(other).state() == State.READY)
            .count();
    if (others * 2 <= brokers().size()) {
      throw new ClusterFailure(
          Kind.PRECONDITION,
          "without %s only %d of %d brokers are ready, and no majority could take it back: start the others first"
              .formatted(node.id(), others, brokers().size()));
    }
    if (isRunning(node)) {
      processes.stop(List.of(node), graceful);
    }
    ClusterFolder.deleteData(dataDir(node));
    startNode(node, jvmOptions);
  }

  /**
   * Waits until a broker has a vote, and says so itself.
   *
   * @throws ClusterFailure if it ends, or has none in time
   */
  public void awaitVoter(Node node, Duration deadline) {
    boolean votes =
        Waiting.until(
            deadline,
            () -> {
              if (!isRunning(node)) {
                throw processes.diedAtStart(node);
              }
              NodeStatus now = status(node);
              return now.state() == State.READY
                  && (now.role().equals("FOLLOWER") || now.isLeader());
            });
    if (!votes) {
      NodeStatus now = status(node);
      throw new ClusterFailure(
          Kind.UNAVAILABLE,
          "%s has no vote yet (%s %s); it goes on by itself; its log: %s"
              .formatted(node.id(), now.role(), now.reason(), logFile(node)));
    }
  }

  /** Writes down one more broker, and starts nothing. */
  public Node addNode() {
    Node node = PortPlan.next(nodes(), Seed.fresh().random());
    processes.add(node);
    return node;
  }

  /** What {@link #addNode} would call it. */
  String nextNode() {
    return PortPlan.next(nodes(), Seed.fresh().random()).id();
  }

  /** Ends a broker that is no member any more, and forgets it with its data. */
  public void removeNode(Node node, Duration graceful) {
    processes.stop(List.of(node), graceful);
    ClusterFolder.deleteData(dataDir(node));
    processes.remove(node);
  }

  /** The broker that says it leads, as soon as exactly one does. */
  public Node leader() {
    var leaders = new ArrayList<Node>();
    boolean found =
        Waiting.until(
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
    killAll(List.of(node));
  }

  /** SIGKILL to all at one moment. */
  public void killAll(Collection<Node> nodes) {
    nodes.forEach(processes::running);
    processes.kill(nodes);
  }

  /** SIGKILL to those that still run, paused or not; returns when they are gone. */
  public void killIfRunning(Collection<Node> nodes) {
    processes.kill(nodes);
  }

  public void pause(Node node) {
    processes.running(node).send(ProcessId.Signal.STOP);
  }

  public void resume(Node node) {
    processes.running(node).send(ProcessId.Signal.CONT);
  }

  /** SIGTERM, after {@code graceful} SIGKILL; returns when every process is gone. */
  public void stop(Duration graceful) {
    // Brokers first: they take leave of the name servers.
    processes.stop(brokers(), graceful);
    processes.stop(nameServers(), graceful);
  }

  public void stopNode(Node node, Duration graceful) {
    processes.stop(List.of(node), graceful);
  }

  /** Kills what runs, for exits in a hurry; by this object nothing is started any more. */
  public void killEverything() {
    processes.end();
  }

  /** No node was ever started: nothing is lost if it is made again with other options. */
  boolean isUntouched() {
    return !Files.exists(dir().resolve("logs"));
  }

  /** The last lines that a node wrote. */
  public List<String> tail(Node node, int lines) {
    return NodeLauncher.tail(dir(), node.id(), lines);
  }

  public Path logFile(Node node) {
    return NodeLauncher.logFile(dir(), node.id());
  }

  public Path dataDir(Node node) {
    return NodeLauncher.dataDir(dir(), node.id());
  }

  public boolean isRunning(Node node) {
    return processes.isRunning(node);
  }

  /** 0 if it does not run. */
  public long pid(Node node) {
    return processes.process(node).filter(ProcessId::isRunning).map(ProcessId::pid).orElse(0L);
  }

  private void awaitReady(Collection<Node> wanted, long endNanos) {
    var waiting = new ArrayList<>(wanted);
    while (!waiting.isEmpty()) {
      var answers = new LinkedHashMap<Node, Optional<Readiness>>();
      for (Node node : waiting) {
        if (!isRunning(node)) {
          throw processes.diedAtStart(node);
        }
        answers.put(node, OpsProbe.readiness(node.ops(), PROBE_TIMEOUT));
      }
      waiting.removeIf(node -> answers.get(node).filter(Readiness::ready).isPresent());
      if (needsInit(answers)) {
        initialize(endNanos);
      } else if (!waiting.isEmpty()) {
        if (System.nanoTime() - endNanos > 0) {
          throw notReady(waiting, answers);
        }
        Waiting.aMoment();
      }
    }
  }

  /** When every node of a group that was never initialized is up, and its brokers wait for it. */
  private boolean needsInit(Map<Node, Optional<Readiness>> answers) {
    return !processes.file().initialized()
        && answers.values().stream().noneMatch(Optional::isEmpty)
        && answers.values().stream()
            .anyMatch(answer -> answer.orElseThrow().role().equals("UNINITIALIZED"));
  }

  private void initialize(long endNanos) {
    Duration left = Duration.ofNanos(Math.max(1, endNanos - System.nanoTime()));
    bootstrap.initialize(endpoints(), brokers().size(), left);
    processes.markInitialized();
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
}
