package io.keelmq.local;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

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

  /** Ports that nobody listens on, chosen at random. */
  record Free(Random random) implements PortPlan {

    /**
     * Below the ports that systems give to outgoing connections (from 32,768 on Linux): one of
     * those could be taken by any connection while a killed node is down.
     */
    private static final int LOWEST_PORT = 15_000;

    private static final int HIGHEST_PORT = 32_000;
    private static final int MAX_TRIES_PER_PORT = 200;

    @Override
    public List<Node> place(int brokers, int nameServers) {
      var taken = new HashSet<Integer>();
      var nodes = new ArrayList<Node>();
      for (int i = 1; i <= nameServers; i++) {
        nodes.add(new Node("ns" + i, Node.Role.NAME_SERVER, pick(taken), 0, pick(taken)));
      }
      for (int i = 1; i <= brokers; i++) {
        nodes.add(new Node("n" + i, Node.Role.BROKER, pick(taken), pick(taken), pick(taken)));
      }
      return List.copyOf(nodes);
    }

    private int pick(Set<Integer> taken) {
      for (int i = 0; i < MAX_TRIES_PER_PORT; i++) {
        int port = LOWEST_PORT + random.nextInt(HIGHEST_PORT - LOWEST_PORT);
        if (!taken.contains(port) && isFree(port)) {
          taken.add(port);
          return port;
        }
      }
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED,
          "no free port found in " + LOWEST_PORT + " to " + HIGHEST_PORT);
    }
  }

  /** The nodes, name servers first. */
  List<Node> place(int brokers, int nameServers);

  static boolean isFree(int port) {
    try (var socket = new ServerSocket()) {
      // Without it a port reads as taken while connections of an earlier process linger.
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getByName(Node.HOST), port));
      return true;
    } catch (IOException e) {
      return false;
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
