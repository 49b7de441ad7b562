package io.keelmq.local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;

/** Where the nodes of a new cluster shall listen. Immutable. */
public sealed interface PortPlan {

  /** The well-known ports, all moved by the same number, so that clusters run side by side. */
  record Offset(int offset) implements PortPlan {
    public Offset {
      if (offset < 0 || offset > 50_000) {
        throw new ClusterFailure(
            ClusterFailure.Kind.USAGE, "--port-offset " + offset + " is not in 0 to 50000");
      }
    }

    @Override
    public List<Node> place(int brokers, int nameServers) {
      var nodes = new ArrayList<Node>();
      for (int i = 0; i < nameServers; i++) {
        int port = 9876 + 2 * i + offset;
        nodes.add(new Node("ns" + (i + 1), Node.Role.NAME_SERVER, port, 0, port + 1));
      }
      for (int i = 0; i < brokers; i++) {
        nodes.add(
            new Node(
                "n" + (i + 1),
                Node.Role.BROKER,
                8081 + i + offset,
                10_911 + i + offset,
                8091 + i + offset));
      }
      return List.copyOf(nodes);
    }
  }

  /**
   * Ports that nobody listens on: a run of them that begins at random. The first port of the run is
   * listened on for as long as this JVM lives, so that two JVMs that place clusters at the same
   * moment never choose the same ports between looking at them and using them.
   */
  record Free(Random random) implements PortPlan {

    /**
     * Below the ports that systems give to outgoing connections (from 32,768 on Linux): one of
     * those could be taken by any connection while a killed node is down.
     */
    private static final int LOWEST_PORT = 15_000;

    private static final int HIGHEST_PORT = 32_000;
    private static final int MAX_TRIES = 2_000;

    /** A run begins only at multiples of this, or guards of runs that overlap would differ. */
    private static final int RUN = 32;

    private static final int RUNS = (HIGHEST_PORT - LOWEST_PORT) / RUN - 1;
    private static final int BROKER_PORTS = 3;
    private static final int NAME_SERVER_PORTS = 2;

    /** Never closed: what makes a run this JVM's. */
    private static final Queue<ServerSocket> GUARDS = new ConcurrentLinkedQueue<>();

    @Override
    public List<Node> place(int brokers, int nameServers) {
      int needed = 1 + brokers * BROKER_PORTS + nameServers * NAME_SERVER_PORTS;
      if (needed > RUN) {
        throw new ClusterFailure(
            ClusterFailure.Kind.USAGE,
            "%d brokers and %d name servers need %d ports, free ones come in runs of %d: use --port-offset"
                .formatted(brokers, nameServers, needed, RUN));
      }
      int port = reserveRun() + 1;
      var nodes = new ArrayList<Node>();
      for (int i = 1; i <= nameServers; i++, port += NAME_SERVER_PORTS) {
        nodes.add(new Node("ns" + i, Node.Role.NAME_SERVER, port, 0, port + 1));
      }
      for (int i = 1; i <= brokers; i++, port += BROKER_PORTS) {
        nodes.add(new Node("n" + i, Node.Role.BROKER, port, port + 1, port + 2));
      }
      return List.copyOf(nodes);
    }

    /** All ports of a run are free, or a node of somebody's that is down may come back to one. */
    private int reserveRun() {
      for (int i = 0; i < MAX_TRIES; i++) {
        int first = LOWEST_PORT / RUN * RUN + RUN * (1 + random.nextInt(RUNS));
        Optional<ServerSocket> guard = listen(first);
        if (guard.isPresent()) {
          if (IntStream.range(first + 1, first + RUN).allMatch(PortPlan::isFree)) {
            GUARDS.add(guard.get());
            return first;
          }
          close(guard.get());
        }
      }
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED,
          "no %d free ports in a row found in %d to %d".formatted(RUN, LOWEST_PORT, HIGHEST_PORT));
    }
  }

  /** The nodes, name servers first. */
  List<Node> place(int brokers, int nameServers);

  static boolean isFree(int port) {
    Optional<ServerSocket> socket = listen(port);
    socket.ifPresent(PortPlan::close);
    return socket.isPresent();
  }

  private static Optional<ServerSocket> listen(int port) {
    ServerSocket socket = null;
    try {
      socket = new ServerSocket();
      // Without it a port reads as taken while connections of an earlier process linger.
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getByName(Node.HOST), port));
      return Optional.of(socket);
    } catch (IOException e) {
      if (socket != null) {
        close(socket);
      }
      return Optional.empty();
    }
  }

  private static void close(ServerSocket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The node that comes after those there are, at the ports that it would have had from the start.
   */
  static Node next(List<Node> nodes, Random random) {
    List<Node> brokers = nodes.stream().filter(Node::isBroker).toList();
    int number =
        1
            + brokers.stream()
                .mapToInt(node -> Integer.parseInt(node.id().substring(1)))
                .max()
                .orElse(0);
    int offset = nodes.get(0).clientPort() - 9876;
    if (offset >= 0 && offset <= 50_000) {
      List<Node> planned = new Offset(offset).place(number, 1);
      Node next = planned.get(planned.size() - 1);
      boolean asPlanned = planned.stream().anyMatch(brokers::contains);
      boolean collides =
          nodes.stream()
              .anyMatch(
                  node ->
                      List.of(node.clientPort(), node.opsPort()).contains(next.clientPort())
                          || List.of(node.clientPort(), node.opsPort()).contains(next.opsPort()));
      if (asPlanned && !collides && next.clientPort() != next.opsPort()) {
        return next;
      }
    }
    Node free = new Free(random).place(1, 0).get(0);
    return new Node(
        "n" + number, Node.Role.BROKER, free.clientPort(), free.raftPort(), free.opsPort());
  }
}
