package io.keelmq.broker.raft;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keeps a second process off a data folder. The operating system holds it as long as the process
 * lives, so there is nothing to clean up after a crash.
 */
final class FolderLock implements AutoCloseable {

  static final String NAME = "replica.lock";
  private static final int MAX_PID_BYTES = 20;

  private final FileChannel channel;

  private FolderLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * @throws UnusableFolderException if another process, or another replica in this one, holds it
   */
  static FolderLock take(Path dataFolder) throws IOException, UnusableFolderException {
    Path file = dataFolder.resolve(NAME);
    var channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    boolean taken = false;
    try {
      taken = tryLock(channel);
      if (!taken) {
        throw new UnusableFolderException(
            "data folder %s is in use by process %s: stop it first, or give this replica a data.dir of its own"
                .formatted(dataFolder, pidIn(channel)));
      }
      channel.truncate(0);
      channel.write(
          StandardCharsets.US_ASCII.encode(Long.toString(ProcessHandle.current().pid())), 0);
      return new FolderLock(channel);
    } finally {
      if (!taken) {
        channel.close();
      }
    }
  }

  private static boolean tryLock(FileChannel channel) throws IOException {
    try {
      // Beyond the process id, which others may read while this range is locked.
      FileLock lock = channel.tryLock(MAX_PID_BYTES, 1, false);
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  private static String pidIn(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(MAX_PID_BYTES);
    channel.read(bytes, 0);
    String pid = StandardCharsets.US_ASCII.decode(bytes.flip()).toString();
    return pid.matches("[0-9]+") ? pid : "(unknown)";
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
