package io.keelmq.chaos;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A file system of a few MiB, in memory; needs root. Gone, with what is in it, when it is closed.
 * For one thread.
 */
final class Tmpfs implements AutoCloseable {

  private static final long COMMAND_SECONDS = 10;
  private static final int BLOCK_BYTES = 64 << 10;

  private final Path folder;
  private final String reason;

  private Tmpfs(Path folder, String reason) {
    this.folder = folder;
    this.reason = reason;
  }

  static Tmpfs mount(Path folder, int mebibytes) throws IOException {
    Files.createDirectories(folder);
    return new Tmpfs(
        folder, run("mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "tmpfs", "" + folder));
  }

  /** The data folders of a cluster's brokers, n1 to n3, each on a file system of its own. */
  static List<Tmpfs> mountData(Path dir, int mebibytes) throws IOException {
    Path data = Files.createDirectories(dir.resolve("data"));
    var mounted = new ArrayList<Tmpfs>();
    for (String node : List.of("n1", "n2", "n3")) {
      var disk = mount(data.resolveSibling("disk-" + node), mebibytes);
      mounted.add(disk);
      Files.createSymbolicLink(data.resolve(node), disk.folder());
    }
    return mounted;
  }

  /** Why some are not mounted; empty if all are. */
  static String problem(List<Tmpfs> disks) {
    return disks.stream()
        .map(Tmpfs::reason)
        .filter(reason -> !reason.isEmpty())
        .findFirst()
        .orElse("");
  }

  boolean isMounted() {
    return reason.isEmpty();
  }

  /** Why it is not mounted. */
  String reason() {
    return reason;
  }

  Path folder() {
    return folder;
  }

  /**
   * Puts a file there that leaves no more than this; with 0, whoever writes at the time may win.
   */
  void fillUpTo(long leftBytes) {
    try (var file = new RandomAccessFile(filler().toFile(), "rw")) {
      file.seek(file.length());
      var block = new byte[BLOCK_BYTES];
      while (folder.toFile().getUsableSpace() > leftBytes) {
        file.write(block);
      }
    } catch (IOException e) {
      if (leftBytes > 0 || !String.valueOf(e.getMessage()).contains("No space left")) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Takes that file away. */
  void free() {
    try {
      Files.delete(filler());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void resize(int mebibytes) {
    String problem = run("mount", "-o", "remount,size=" + mebibytes + "m", "" + folder);
    if (!problem.isEmpty()) {
      throw new IllegalStateException(problem);
    }
  }

  @Override
  public void close() {
    if (isMounted()) {
      // Lazily: a process that a failed test left may still be going.
      String problem = run("umount", "-l", "" + folder);
      if (!problem.isEmpty()) {
        throw new IllegalStateException(problem);
      }
    }
    try {
      Files.deleteIfExists(folder);
      Files.deleteIfExists(folder.getParent());
    } catch (IOException e) {
      // A failed test left its cluster beside it.
      System.err.println("left behind: " + e.getMessage());
    }
  }

  private Path filler() {
    return folder.resolve("filler");
  }

  /** What went wrong; empty if nothing did. */
  private static String run(String... command) {
    try {
      Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(COMMAND_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return command[0] + " does not end";
      }
      return process.exitValue() == 0 ? "" : command[0] + ": " + said;
    } catch (IOException e) {
      return e.getMessage();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "interrupted";
    }
  }
}
