package io.keelmq.chaos;

import io.keelmq.local.Waiting;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * An ext4 file system in a file, mounted through a loop device; needs root. The loop device is free
 * when it is unmounted. Thread-safe: it can be closed while another thread works with it, and is
 * not mounted again after that.
 */
final class LoopDisk implements AutoCloseable {

  /**
   * The journal is not written by time, only by a sync: no more is on the disk than what somebody
   * asked for. The kernel's own 30 s until it writes what is dirty are longer than a round.
   */
  private static final String OPTIONS = "loop,noatime,commit=300";

  private static final Duration BUSY = Duration.ofSeconds(30);
  private static final long COMMAND_SECONDS = 60;

  private final Path image;
  private final Path mount;
  // Guarded by this.
  private boolean mounted;
  private boolean closed;

  private LoopDisk(Path image, Path mount) {
    this.image = image;
    this.mount = mount;
  }

  /**
   * Makes an empty one, and mounts it.
   *
   * @throws IllegalStateException saying what it lacks: root, loop devices or mkfs.ext4
   */
  static LoopDisk create(Path image, Path mount, long bytes) {
    try {
      Files.createDirectories(mount);
      try (var file = new RandomAccessFile(image.toFile(), "rw")) {
        file.setLength(bytes);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make " + image, e);
    }
    require("mkfs.ext4", "-q", "-F", image.toString());
    var disk = new LoopDisk(image, mount);
    disk.mount();
    return disk;
  }

  Path image() {
    return image;
  }

  /** Where it is mounted. */
  Path folder() {
    return mount;
  }

  /** Replays the journal, as behind a power cut. */
  synchronized void mount() {
    if (closed) {
      throw new IllegalStateException(mount + " is closed and not mounted again");
    }
    require("mount", "-t", "ext4", "-o", OPTIONS, image.toString(), mount.toString());
    mounted = true;
  }

  /** Waits for the last process to let go of it. */
  synchronized void unmount() {
    if (mounted) {
      unmount(mount);
      mounted = false;
    }
  }

  static void unmount(Path mount) {
    var problem = new AtomicReference<>("");
    boolean unmounted =
        Waiting.until(
            BUSY,
            () -> {
              problem.set(run("umount", mount.toString()));
              return problem.get().isEmpty();
            });
    if (!unmounted) {
      // Lazily: it goes when whoever holds it does. Not to be mounted again.
      run("umount", "-l", mount.toString());
      throw new IllegalStateException("could not unmount in " + BUSY + ": " + problem.get());
    }
  }

  /** The image as it is, without what is not allocated; it must not be mounted. */
  void copyTo(Path copy) {
    require("cp", "--sparse=always", image.toString(), copy.toString());
  }

  @Override
  public synchronized void close() {
    closed = true;
    unmount();
  }

  /** Everything below a folder that is mounted, the deepest first. */
  static List<Path> mountsBelow(Path folder) {
    try (var lines = Files.lines(Path.of("/proc/self/mounts"))) {
      Path real = Files.exists(folder) ? folder.toRealPath() : folder.toAbsolutePath();
      return lines
          .map(line -> Path.of(line.split(" ", 3)[1].replace("\\040", " ")))
          .filter(mount -> mount.startsWith(real))
          .sorted((a, b) -> b.compareTo(a))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot tell what is mounted", e);
    }
  }

  private static void require(String... command) {
    String problem = run(command);
    if (!problem.isEmpty()) {
      throw new IllegalStateException(
          String.join(" ", command) + " failed (root and loop devices are needed): " + problem);
    }
  }

  /** What went wrong; empty if nothing did. */
  private static String run(String... command) {
    try {
      Process process =
          new ProcessBuilder(Arrays.asList(command)).redirectErrorStream(true).start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(COMMAND_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return command[0] + " does not end";
      }
      return process.exitValue() == 0 ? "" : said.isEmpty() ? "exit code not 0" : said;
    } catch (IOException e) {
      return e.getMessage();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "interrupted";
    }
  }
}
