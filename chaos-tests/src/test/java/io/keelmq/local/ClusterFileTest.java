package io.keelmq.local;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClusterFileTest {

  @TempDir Path dir;

  @Test
  void readsWhatItWrote() {
    var nodes = new PortPlan.Offset(100).place(5, 2);
    var file =
        new ClusterFile(
            nodes,
            true,
            Map.of("n2", new ProcessId(4711, "ticks:99")),
            Map.of("raft.election.timeout", "2s", "data.note", "a\\b=c"));

    file.save(dir);

    assertEquals(file, ClusterFile.load(dir));
  }

  @Test
  void refusesAnotherFormatAndDamage() throws IOException {
    Path file = dir.resolve(ClusterFile.NAME);

    Files.writeString(file, "format=2\n");
    var other = assertThrows(ClusterFailure.class, () -> ClusterFile.load(dir));
    Files.writeString(file, "format=1\nnodes=n1\nnode.n1.role=BROKER\nnode.n1.client=x\n");
    var damaged = assertThrows(ClusterFailure.class, () -> ClusterFile.load(dir));

    assertTrue(other.getMessage().contains("format is 2, expected 1"), other.getMessage());
    assertTrue(damaged.getMessage().contains("damaged"), damaged.getMessage());
  }

  @Test
  void placesNodesOnTheWellKnownPortsMovedByTheOffset() {
    var nodes = new PortPlan.Offset(0).place(3, 2);
    var moved = new PortPlan.Offset(200).place(3, 2);

    assertEquals(new Node("ns2", Node.Role.NAME_SERVER, 9878, 0, 9879), nodes.get(1));
    assertEquals(new Node("n3", Node.Role.BROKER, 8083, 10_913, 8093), nodes.get(4));
    assertEquals(8283, moved.get(4).clientPort());
  }

  @Test
  void freePortsAreAllDifferent() {
    var nodes = new PortPlan.Free(new Random(7)).place(5, 2);

    var ports = new HashSet<Integer>();
    for (Node node : nodes) {
      ports.add(node.clientPort());
      ports.add(node.opsPort());
      if (node.isBroker()) {
        ports.add(node.raftPort());
      }
    }
    assertEquals(5 * 3 + 2 * 2, ports.size());
  }

  @Test
  void clustersPlacedBeforeTheFirstListensShareNoPort() {
    var first = new PortPlan.Free(new Random(7)).place(3, 2);
    var second = new PortPlan.Free(new Random(7)).place(3, 2);

    var ports = new HashSet<Integer>();
    first.forEach(node -> ports.addAll(List.of(node.clientPort(), node.opsPort())));
    assertTrue(
        second.stream()
            .noneMatch(node -> ports.contains(node.clientPort()) || ports.contains(node.opsPort())),
        () -> first + " and " + second);
  }
}
