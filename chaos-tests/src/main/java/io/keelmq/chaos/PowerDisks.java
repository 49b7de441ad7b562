package io.keelmq.chaos;

import io.keelmq.local.ClientBootstrap;
import io.keelmq.local.LocalCluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A disk for each broker of a cluster that is still to be made, in the cluster's folder: {@code
 * disks/NODE.img}, mounted at {@code disks/NODE}, to which {@code data/NODE} is a link.
 *
 * <p>The end of this JVM unmounts them; what even that leaves, {@link #freeLeftovers} finds. Owned
 * by one thread.
 */
final class PowerDisks implements AutoCloseable {

  private static final long BYTES = 1L << 30;
  private static final byte[] PROBE =
      "keelmq power cut\n".repeat(1_024).getBytes(StandardCharsets.US_ASCII);

  private final Map<String, LoopDisk> disks;
  private final Thread hook;

  private PowerDisks(Map<String, LoopDisk> disks) {
    this.disks = disks;
    this.hook = new Thread(this::unmountAll, "unmount-on-exit");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /**
   * @throws IllegalStateException saying what it lacks, with nothing left mounted
   */
  static PowerDisks create(Path clusterFolder, List<String> nodes) {
    Path folder = clusterFolder.toAbsolutePath().resolve("disks");
    var made = new PowerDisks(new TreeMap<>());
    try {
      Path data = Files.createDirectories(clusterFolder.toAbsolutePath().resolve("data"));
      for (String node : nodes) {
        var disk = LoopDisk.create(folder.resolve(node + ".img"), folder.resolve(node), BYTES);
        made.disks.put(node, disk);
        Path replica = Files.createDirectory(disk.folder().resolve("replica"));
        Files.createSymbolicLink(data.resolve(node), replica);
        // The folder itself is there for good before the first cut.
        disk.unmount();
        disk.mount();
      }
      return made;
    } catch (IOException e) {
      made.close();
      throw new UncheckedIOException("cannot make disks in " + folder, e);
    } catch (RuntimeException e) {
      made.close();
      throw e;
    }
  }

  LoopDisk disk(String node) {
    return disks.get(node);
  }

  Collection<String> nodes() {
    return disks.keySet();
  }

  /** A replica's data folder, on its disk. */
  Path replica(String node) {
    return disk(node).folder().resolve("replica");
  }

  /**
   * Whether the last power cut was one, by the two files that it left on the disk.
   *
   * @return what was wrong; empty if what was synced is there and what was not is not
   */
  String cutFlaw(String node) {
    if (!Arrays.equals(probe(node, "probe-synced"), PROBE)) {
      return "the disk of " + node + " lost what was synced: no power cut does that";
    }
    if (Arrays.equals(probe(node, "probe-unsynced"), PROBE)) {
      return "the disk of " + node + " kept what was not synced: nothing was cut";
    }
    return "";
  }

  private byte[] probe(String node, String name) {
    try {
      Path file = disk(node).folder().resolve(name);
      return Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Unmounts them; what is in the images stays. */
  @Override
  public void close() {
    unmountAll();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending already, and the hook runs.
      hook.isAlive();
    }
  }

  private void unmountAll() {
    // Those that could not be unmounted are told, after all others were.
    Optional<RuntimeException> failure = Optional.empty();
    for (LoopDisk disk : List.copyOf(disks.values())) {
      try {
        disk.close();
      } catch (RuntimeException e) {
        failure = Optional.of(e);
      }
    }
    if (failure.isPresent()) {
      throw failure.get();
    }
  }

  /** Ends what a killed run has left below a folder: brokers, mounts and their loop devices. */
  static void freeLeftovers(Path base) {
    if (!Files.exists(base)) {
      return;
    }
    try (var runs = Files.list(base)) {
      for (Path run : runs.filter(Files::isDirectory).toList()) {
        if (Files.exists(run.resolve("cluster.properties"))) {
          LocalCluster.open(run, Optional.empty(), new ClientBootstrap()).killEverything();
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + base, e);
    }
    LoopDisk.mountsBelow(base).forEach(LoopDisk::unmount);
  }

  static void deleteTree(Path tree) {
    if (!Files.exists(tree)) {
      return;
    }
    try (var files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + tree, e);
    }
  }
}
