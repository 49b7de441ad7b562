package io.keelmq.raftlog;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The file system as the log sees it. A port, so that tests can cut the power at any call.
 *
 * <p>Creating, renaming, linking and deleting a file are durable only after {@link #forceDirectory}
 * on its folder.
 */
public interface Disk {

  /** Makes the folder and its missing parents, durably. Does nothing if it is there. */
  void createFolder(Path folder) throws IOException;

  /** The plain files of a folder, in no particular order. */
  List<Path> list(Path folder) throws IOException;

  /** Makes an empty file; what was there under this name is gone. */
  DiskFile create(Path file) throws IOException;

  /** Opens a file that exists. */
  DiskFile open(Path file) throws IOException;

  /** Renames atomically; what was there under the new name is gone. */
  void rename(Path from, Path to) throws IOException;

  /**
   * Gives a file a second name; both are the same file from then on.
   *
   * @throws IOException if there is a file of that name, or the file system cannot
   */
  void link(Path existing, Path name) throws IOException;

  /** Deletes a file, if it exists. Its bytes live on while somebody has it open or mapped. */
  void delete(Path file) throws IOException;

  void forceDirectory(Path folder) throws IOException;

  /**
   * Holds a lock on {@code file}, which is created if missing, until the result is closed or the
   * process ends.
   *
   * @throws LogInUseException if this or another process holds it
   */
  Closeable lock(Path file) throws IOException;
}
